-- Purpose: close the open version of every entry that changed.
-- Grain: one version of one entry.
-- Second run: would close the new versions; a snapshot is applied once.
UPDATE core.ooo_entry_history AS h SET valid_to = n.observed_at
FROM entry_changes AS e
JOIN staged_snapshots AS n ON n.organization_id = e.organization_id
WHERE h.organization_id = e.organization_id AND h.entry_id = e.entry_id
  AND h.valid_to IS NULL AND e.change <> 'note_changed';
