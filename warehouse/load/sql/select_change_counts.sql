-- Purpose: count the changes of this snapshot, for the guards and the row of the run.
-- Grain: one row.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads.
SELECT
    (SELECT count(*) FROM staged_entries) AS accepted,
    (SELECT count(*) FROM staged_rejects WHERE record_kind = 'entry') AS quarantined,
    count(*) FILTER (change = 'appeared') AS inserted,
    count(*) FILTER (change IN ('changed', 'returned')) AS updated,
    count(*) FILTER (change = 'unchanged') AS unchanged,
    count(*) FILTER (change = 'vanished') AS deleted,
    (
        SELECT count(*) FROM core.ooo_entries
        WHERE organization_id = $organization_id AND deleted_at IS NULL
    ) AS live
FROM entry_changes;
