-- Purpose: the share of each person's working days lost to absence from from_date to to_date, both included.
-- Grain: one person who has not left, absent or not.
-- Formula: as absence_rate, for each person by themselves, by their own work calendar.
-- Source: as absence_rate.
-- Caveats: personal data: keep its readers few. People count with the whole range, whenever they joined; null if
--   there is no working day.
-- Second run: makes the same macro again.
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
    'working days by each person''s calendar, within dim_calendar_days; people who have not left, for the whole range; public holidays are no absence'
        AS policy
FROM dim_people AS p
LEFT JOIN calendars AS c USING (calendar)
LEFT JOIN lost AS l ON l.organization_id = p.organization_id AND l.user_id = p.user_id
WHERE p.left_at IS NULL
ORDER BY p.organization_id, absence_rate DESC NULLS LAST, p.user_id;
