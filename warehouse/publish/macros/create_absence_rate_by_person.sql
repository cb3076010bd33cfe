-- Purpose: Return the share of the working days of each person lost to absence between from_date and to_date, both
--   inclusive.
-- Grain: one person who has not left, absent or not.
-- Formula: as in absence_rate, for each person, by their own work calendar.
-- Source: as in absence_rate.
-- Caveats: The rows are personal data, so restrict access to them. Each person counts for the whole range,
--   regardless of the date of joining. The rate is null if there is no working day.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_rate_by_person(from_date, to_date) AS TABLE
WITH calendars AS (
    SELECT calendar, count(*) FILTER (is_working_day) AS working_days
    FROM dim_calendar_days
    WHERE date_on BETWEEN from_date::DATE AND to_date::DATE
    GROUP BY calendar
),
lost AS (
    SELECT organization_id, user_id, count(*) AS absent_working_days
    FROM fct_absence_days
    WHERE date_on BETWEEN from_date::DATE AND to_date::DATE
      AND is_working_day AND reason <> 'public_holiday'
    GROUP BY organization_id, user_id
)
SELECT
    p.organization_id, p.user_id, p.name, p.email, p.calendar,
    coalesce(l.absent_working_days, 0) AS absent_working_days,
    coalesce(c.working_days, 0) AS available_working_days,
    coalesce(l.absent_working_days, 0) / nullif(c.working_days, 0) AS absence_rate,
    'working days by the work calendar of each person, within dim_calendar_days; people who have not left, for the whole range; public holidays do not count as absence'
        AS policy
FROM dim_people AS p
LEFT JOIN calendars AS c USING (calendar)
LEFT JOIN lost AS l ON l.organization_id = p.organization_id AND l.user_id = p.user_id
WHERE p.left_at IS NULL
ORDER BY p.organization_id, absence_rate DESC NULLS LAST, p.user_id;
