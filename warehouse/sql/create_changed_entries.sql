-- Purpose: the live entries of everyone whose days have to be derived again, by person.
-- Grain: one entry. Parameters: $organization_id. Reads core as applied; a second run makes the same table.
CREATE OR REPLACE TEMP TABLE changed_entries AS
SELECT organization_id, entry_id, user_id, covering_user_id, starts_on, ends_on, reason
FROM core.ooo_entries
WHERE organization_id = $organization_id
  AND deleted_at IS NULL
  AND user_id IN (SELECT user_id FROM changed_people)
ORDER BY user_id, entry_id;
