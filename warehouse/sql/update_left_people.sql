-- Purpose: who left: in the warehouse, and not in a users list that is proved whole.
-- Someone whose record is there but unreadable, or whose entries were read, has not left.
-- Grain: one person. Parameters: $run_id, $organization_id, $observed_at. A second run finds none.
UPDATE core.people AS p SET left_at = $observed_at
WHERE p.organization_id = $organization_id
  AND p.left_at IS NULL
  AND EXISTS (
      FROM ops.scopes AS o
      WHERE o.run_id = $run_id AND o.scope_kind = 'users' AND o.verdict = 'complete'
  )
  AND NOT EXISTS (FROM staged_people AS s WHERE s.user_id = p.user_id)
  AND NOT EXISTS (
      FROM staged_rejects AS r WHERE r.record_kind = 'user' AND r.record_id = p.user_id
  )
  AND NOT EXISTS (FROM staged_entries AS e WHERE e.user_id = p.user_id);
