-- Purpose: count the changes of this snapshot, for the guards and the row of the run.
-- Grain: one row.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads.
SELECT
    (SELECT count(*) FROM staged_entries) AS accepted,
    (SELECT count(*) FROM staged_rejects WHERE record_kind = 'entry') AS quarantined,
    count(*) FILTER (change = 'appeared') AS inserted,
    count(*) FILTER (change IN ('changed', 'reinterpreted', 'returned')) AS updated,
    (SELECT count(*) FROM staged_entries)
        - count(*) FILTER (change IN ('appeared', 'changed', 'reinterpreted', 'returned')) AS unchanged,
    count(*) FILTER (change = 'note_changed') AS notes_changed,
    count(*) FILTER (change = 'vanished') AS deleted,
    (
        SELECT count(*) FROM core.ooo_entries
        WHERE organization_id = $organization_id AND deleted_at IS NULL
    ) AS live,
    (
        SELECT count(*) FROM core.people
        WHERE organization_id = $organization_id AND left_at IS NULL AND user_id IN (FROM absent_people)
    ) AS people_left,
    (SELECT count(*) FROM core.people WHERE organization_id = $organization_id AND left_at IS NULL) AS people
FROM entry_changes;
