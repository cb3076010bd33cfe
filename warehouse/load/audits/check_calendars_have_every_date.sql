-- Audit: error. Promise: every work calendar has the dates of the calendar, no others.
-- Purpose: count the dates that a work calendar lacks, or has in addition to the calendar's.
-- Grain: one row; an offender is a date of a work calendar.
-- Second run: returns the same; the statement only reads.
SELECT count(*)
FROM (SELECT c.calendar, d.date_on FROM marts.dim_calendars AS c CROSS JOIN marts.dim_dates AS d) AS expected
FULL JOIN marts.dim_calendar_days AS actual USING (calendar, date_on)
WHERE expected.calendar IS NULL OR actual.calendar IS NULL;
