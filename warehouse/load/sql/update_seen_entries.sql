-- Purpose: store that the entries that were read were seen again.
-- Grain: one entry.
-- Second run: sets the same instant.
UPDATE core.ooo_entries AS c SET last_seen_at = n.observed_at
FROM staged_entries AS s
JOIN staged_snapshots AS n ON n.organization_id = s.organization_id
WHERE c.organization_id = s.organization_id AND c.entry_id = s.entry_id;
