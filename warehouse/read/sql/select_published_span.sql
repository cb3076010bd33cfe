-- Purpose: return the number of live entries, their first and last day, and the newest snapshot.
-- Grain: one row.
-- Second run: returns the same; the statement only reads published tables.
SELECT
    count(*) AS entries, min(starts_on) AS first_on, max(ends_on) AS last_on,
    (SELECT max(last_snapshot_at) FROM dim_organizations) AS snapshot_at
FROM fct_ooo_entries
WHERE deleted_at IS NULL AND starts_on <= ends_on;
