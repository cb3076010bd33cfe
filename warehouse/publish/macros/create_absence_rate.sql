-- Purpose: Return the share of working days lost to absence between from_date and to_date, both inclusive.
-- Grain: one organization.
-- Formula: absence_rate = absent_working_days / available_working_days. Both count people who have not left, each
--   by their own work calendar. absent_working_days = the person-days of absence on working days, without those
--   that count as public_holiday. available_working_days = all working days. The column policy states these rules.
-- Source: the lost time rate of Acas (Managing attendance and employee turnover) and CIPD (Absence measurement):
--   total absence in the period / possible total.
-- Caveats: Each person counts for the whole range, regardless of the date of joining. Days outside
--   dim_calendar_days do not count. The rate is null if there is no working day.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_rate(from_date, to_date) AS TABLE
WITH calendars AS (
    SELECT calendar, count(*) FILTER (is_working_day) AS working_days
    FROM dim_calendar_days
    WHERE date_on BETWEEN from_date::DATE AND to_date::DATE
    GROUP BY calendar
),
people AS (
    SELECT p.organization_id, count(*) AS people, coalesce(sum(c.working_days), 0)::BIGINT AS available_working_days
    FROM dim_people AS p
    LEFT JOIN calendars AS c USING (calendar)
    WHERE p.left_at IS NULL
    GROUP BY p.organization_id
),
lost AS (
    SELECT d.organization_id, count(*) AS absent_working_days
    FROM fct_absence_days AS d
    JOIN dim_people AS p ON p.organization_id = d.organization_id AND p.user_id = d.user_id AND p.left_at IS NULL
    WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
      AND d.is_working_day AND d.reason <> 'public_holiday'
    GROUP BY d.organization_id
)
SELECT
    people.organization_id,
    coalesce(lost.absent_working_days, 0) AS absent_working_days,
    people.available_working_days,
    coalesce(lost.absent_working_days, 0) / nullif(people.available_working_days, 0) AS absence_rate,
    people.people,
    'working days by the work calendar of each person, within dim_calendar_days; people who have not left, for the whole range; public holidays do not count as absence'
        AS policy
FROM people
LEFT JOIN lost USING (organization_id)
ORDER BY people.organization_id;
