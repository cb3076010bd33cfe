-- Purpose: return the days of the work calendars that people have, for the report pages.
-- Grain: one day of one calendar.
-- Parameters: $first_on, $last_on (both included).
-- Second run: returns the same; the statement only reads.
SELECT d.calendar, d.date_on, d.is_working_day, d.holiday_name
FROM dim_calendar_days AS d
WHERE d.date_on BETWEEN $first_on AND $last_on AND d.calendar IN (SELECT p.calendar FROM dim_people AS p)
ORDER BY d.calendar, d.date_on;
