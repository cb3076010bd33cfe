-- Audit: error. Promise: both tables of days count the same entry-days.
-- Purpose: return the difference between the entry-days of the two tables of days.
-- Grain: one row; an offender is a day of an entry.
-- Second run: returns the same; the statement only reads.
SELECT abs(
    (SELECT count(*) FROM marts.fct_entry_days) - (SELECT coalesce(sum(entry_count), 0) FROM marts.person_days)
)::BIGINT;
