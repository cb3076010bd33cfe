-- Purpose: entries that are proved gone become tombstones.
-- Grain: one entry. Parameters: $observed_at. A second run finds none: a tombstone is not live.
UPDATE core.ooo_entries AS c SET deleted_at = $observed_at
FROM entry_changes AS e
WHERE c.organization_id = e.organization_id AND c.entry_id = e.entry_id AND e.change = 'vanished';
