-- Audit: error. Promise: every day of absence is in the calendar.
-- Purpose: count the distinct days of absence that the calendar lacks.
-- Grain: one row; an offender is a day.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM (SELECT DISTINCT date_on FROM marts.person_days) ANTI JOIN marts.dim_dates USING (date_on);
