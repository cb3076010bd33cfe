-- Audit: error. Promise: the day counts of every entry follow from its dates.
-- Purpose: count the entries whose calendar days are not those from the first to the last day, or whose
-- materialized days are more than the calendar days.
-- Grain: one row; an offender is an entry.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.ooo_entries
WHERE calendar_days <> greatest(ends_on - starts_on + 1, 0) OR materialized_days NOT BETWEEN 0 AND calendar_days;
