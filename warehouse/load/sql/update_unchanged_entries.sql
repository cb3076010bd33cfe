-- Purpose: store that unchanged entries were seen again.
-- Grain: one entry.
-- Parameters: $observed_at.
-- Second run: sets the same instant.
UPDATE core.ooo_entries AS c SET last_seen_at = $observed_at
FROM entry_changes AS e
WHERE c.organization_id = e.organization_id AND c.entry_id = e.entry_id AND e.change = 'unchanged';
