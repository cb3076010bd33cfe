-- Purpose: turn the entries that are proved gone into tombstones.
-- Grain: one entry.
-- Second run: sets the same instant.
UPDATE core.ooo_entries AS c SET deleted_at = n.observed_at, deletion_cause = e.deletion_cause
FROM entry_changes AS e
JOIN staged_snapshots AS n ON n.organization_id = e.organization_id
WHERE c.organization_id = e.organization_id AND c.entry_id = e.entry_id AND e.change = 'vanished';
