-- Purpose: how many people and live entries the latest snapshot of their organization could not confirm.
-- Grain: one row; an offender is a person or an entry. Parameters: none. Reads only.
SELECT
    (SELECT count(*) FROM marts.dim_people WHERE is_stale)
    + (SELECT count(*) FROM marts.fct_ooo_entries WHERE is_stale);
