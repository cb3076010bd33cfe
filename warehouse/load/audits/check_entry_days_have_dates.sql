-- Purpose: how many days on which entries fall are not in the calendar.
-- Grain: one row; an offender is a day. Parameters: none. Reads only.
SELECT count(*) FROM (SELECT DISTINCT date_on FROM marts.fct_entry_days) ANTI JOIN marts.dim_dates USING (date_on);
