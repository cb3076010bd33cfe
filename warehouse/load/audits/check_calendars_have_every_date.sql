-- Purpose: how many dates a work calendar lacks or has beyond the calendar's.
-- Grain: one row; an offender is a date of a work calendar. Parameters: none. Reads only.
SELECT count(*)
FROM (SELECT c.calendar, d.date_on FROM marts.dim_calendars AS c CROSS JOIN marts.dim_dates AS d) AS wanted
FULL JOIN marts.dim_calendar_days AS found USING (calendar, date_on)
WHERE wanted.calendar IS NULL OR found.calendar IS NULL;
