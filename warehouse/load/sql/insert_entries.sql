-- Purpose: entries that are new, changed or back.
-- Grain: one entry. Parameters: $observed_at. A second run finds nothing changed.
INSERT INTO core.ooo_entries BY NAME
SELECT
    * EXCLUDE (change, former_user_id, first_seen_at),
    coalesce(first_seen_at, $observed_at::TIMESTAMP) AS first_seen_at,
    $observed_at::TIMESTAMP AS last_seen_at,
    NULL AS deleted_at
FROM entry_changes
WHERE change IN ('appeared', 'changed', 'returned');
