-- Audit: warning. Promise: the latest snapshots confirm every person and live entry.
-- Purpose: count the people and live entries that the latest snapshot of their organization could not confirm.
-- Grain: one row; an offender is a person or an entry.
-- Second run: returns the same; the statement only reads.
SELECT
    (SELECT count(*) FROM marts.dim_people WHERE is_stale)
    + (SELECT count(*) FROM marts.fct_ooo_entries WHERE is_stale);
