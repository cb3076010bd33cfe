-- Purpose: remove every version of the person's entries, including versions from a time when an entry belonged to
-- another person.
-- Grain: one version of one entry.
-- Parameters: $organization_id, $user_id.
-- Second run: deletes nothing.
DELETE FROM core.ooo_entry_history
WHERE organization_id = $organization_id
  AND entry_id IN (
      SELECT entry_id FROM core.ooo_entries WHERE organization_id = $organization_id AND user_id = $user_id
  );
