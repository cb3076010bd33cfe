-- Purpose: turn the entries that are proved gone into tombstones.
-- Grain: one entry.
-- Parameters: $observed_at.
-- Second run: sets the same instant.
UPDATE core.ooo_entries AS c SET deleted_at = $observed_at, deletion_cause = e.deletion_cause
FROM entry_changes AS e
WHERE c.organization_id = e.organization_id AND c.entry_id = e.entry_id AND e.change = 'vanished';
