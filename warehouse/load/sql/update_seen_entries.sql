-- Purpose: store that the entries that were read were seen again.
-- Grain: one entry.
-- Parameters: $organization_id, $observed_at.
-- Second run: sets the same instant.
UPDATE core.ooo_entries SET last_seen_at = $observed_at
WHERE organization_id = $organization_id AND entry_id IN (SELECT entry_id FROM staged_entries);
