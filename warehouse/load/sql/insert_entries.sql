-- Purpose: insert the entries that appeared, changed or returned.
-- Grain: one entry.
-- Parameters: $observed_at.
-- Second run: would insert the rows again; delete_replaced_entries runs first.
INSERT INTO core.ooo_entries BY NAME
SELECT
    * EXCLUDE (change, former_user_id, first_seen_at),
    coalesce(first_seen_at, $observed_at::TIMESTAMP) AS first_seen_at,
    $observed_at::TIMESTAMP AS last_seen_at,
    NULL AS deleted_at
FROM entry_changes
WHERE change IN ('appeared', 'changed', 'reinterpreted', 'note_changed', 'returned');
