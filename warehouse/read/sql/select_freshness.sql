-- Purpose: return the number of live rows, and the number that no snapshot or no fresh one confirms.
-- Grain: one row.
-- Second run: returns the same; the statement only reads published tables.
SELECT
    (SELECT count(*) FROM dim_people WHERE left_at IS NULL) AS people,
    (SELECT count(*) FROM dim_people WHERE is_stale) AS people_stale,
    (SELECT count(*) FROM fct_ooo_entries WHERE deleted_at IS NULL) AS entries,
    (SELECT count(*) FROM fct_ooo_entries WHERE is_stale) AS entries_stale;
