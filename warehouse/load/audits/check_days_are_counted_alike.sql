-- Purpose: how many entry-days the two tables of days differ by.
-- Grain: one row; an offender is a day of an entry. Parameters: none. Reads only.
SELECT abs(
    (SELECT count(*) FROM marts.fct_entry_days) - (SELECT coalesce(sum(entry_count), 0) FROM marts.person_days)
)::BIGINT;
