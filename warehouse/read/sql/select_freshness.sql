-- Purpose: return the instant of the latest published snapshot, the number of live rows, and the number that it did
-- not confirm.
-- Grain: one row.
-- Second run: returns the same; the statement only reads published tables.
SELECT
    (SELECT max(started_at) FROM runs WHERE outcome <> 'failed') AS snapshot_at,
    (SELECT count(*) FROM dim_people WHERE left_at IS NULL) AS people,
    (SELECT count(*) FROM dim_people WHERE is_stale) AS people_stale,
    (SELECT count(*) FROM fct_ooo_entries WHERE deleted_at IS NULL) AS entries,
    (SELECT count(*) FROM fct_ooo_entries WHERE is_stale) AS entries_stale;
