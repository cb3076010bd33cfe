-- Purpose: insert the entries that appeared, changed or returned.
-- Grain: one entry.
-- Second run: would insert the rows again; delete_replaced_entries runs first.
INSERT INTO core.ooo_entries BY NAME
SELECT
    e.* EXCLUDE (change, former_user_id, first_seen_at),
    coalesce(e.first_seen_at, n.observed_at) AS first_seen_at,
    n.observed_at AS last_seen_at,
    NULL AS deleted_at
FROM entry_changes AS e
JOIN staged_snapshots AS n ON n.organization_id = e.organization_id
WHERE e.change IN ('appeared', 'changed', 'reinterpreted', 'note_changed', 'returned');
