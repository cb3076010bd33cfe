-- Purpose: the open version of every entry that changed ends now.
-- Grain: one version of one entry. Parameters: $observed_at. A second run finds nothing changed.
UPDATE core.ooo_entry_history AS h SET valid_to = $observed_at
FROM entry_changes AS e
WHERE h.organization_id = e.organization_id AND h.entry_id = e.entry_id
  AND h.valid_to IS NULL AND e.change <> 'unchanged';
