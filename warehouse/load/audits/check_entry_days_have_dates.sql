-- Audit: error. Promise: every day of an entry is in the calendar.
-- Purpose: count the distinct days of entries that the calendar lacks.
-- Grain: one row; an offender is a day.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM (SELECT DISTINCT date_on FROM marts.fct_entry_days) ANTI JOIN marts.dim_dates USING (date_on);
