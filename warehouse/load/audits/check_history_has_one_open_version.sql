-- Audit: error. Promise: every entry has one open version, with the same state as the entry.
-- Purpose: count the entries that do not have exactly one open version, or whose open version disagrees with the
-- entry on whether it is deleted.
-- Grain: one row; an offender is an entry.
-- Second run: returns the same; the statement only reads.
WITH open AS (
    SELECT
        organization_id, entry_id, count(*) AS versions,
        count(*) FILTER (change = 'vanished') = 1 AS is_deleted
    FROM core.ooo_entry_history
    WHERE valid_to IS NULL
    GROUP BY organization_id, entry_id
)
SELECT count(*)
FROM open FULL JOIN core.ooo_entries AS e USING (organization_id, entry_id)
WHERE open.versions IS DISTINCT FROM 1 OR e.first_seen_at IS NULL OR open.is_deleted <> (e.deleted_at IS NOT NULL);
