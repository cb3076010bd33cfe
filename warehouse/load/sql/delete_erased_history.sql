-- Purpose: every version of the person's entries goes, also those from when an entry was someone else's.
-- Grain: one version of one entry. Parameters: $organization_id, $user_id. A second run finds none.
DELETE FROM core.ooo_entry_history
WHERE organization_id = $organization_id
  AND entry_id IN (
      SELECT entry_id FROM core.ooo_entries WHERE organization_id = $organization_id AND user_id = $user_id
  );
