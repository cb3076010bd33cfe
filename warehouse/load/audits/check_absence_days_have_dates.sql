-- Purpose: how many days on which people are absent are not in the calendar.
-- Grain: one row; an offender is a day. Parameters: none. Reads only.
SELECT count(*) FROM (SELECT DISTINCT date_on FROM marts.person_days) ANTI JOIN marts.dim_dates USING (date_on);
