-- Audit: error. Promise: the columns of every calendar day follow from its date.
-- Purpose: count the days of the calendar whose columns contradict their date.
-- Grain: one row; an offender is a day.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM marts.dim_dates
WHERE weekday NOT BETWEEN 1 AND 7 OR is_weekend <> (weekday > 5) OR weekday <> isodow(date_on)
   OR month <> month(date_on) OR quarter <> (month + 2) // 3 OR iso_week NOT BETWEEN 1 AND 53
   OR year <> year(date_on);
