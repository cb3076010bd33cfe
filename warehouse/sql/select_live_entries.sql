-- Purpose: the live entries of some people: what their days are derived from.
-- Grain: one entry, ascending. Parameters: $organization_id, $user_ids. Reads only.
SELECT organization_id, entry_id, user_id, covering_user_id, starts_on, ends_on, reason
FROM core.ooo_entries
WHERE organization_id = $organization_id
  AND deleted_at IS NULL
  AND user_id IN (SELECT unnest($user_ids::BIGINT[]))
ORDER BY entry_id;
