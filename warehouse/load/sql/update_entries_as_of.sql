-- Purpose: as of when each person's entries are known whole; older than the latest snapshot means stale.
-- Grain: one person. Parameters: $run_id, $organization_id, $observed_at. A second run sets the same.
UPDATE core.people AS p SET entries_as_of = $observed_at
WHERE p.organization_id = $organization_id
  AND p.left_at IS NULL
  AND EXISTS (
      FROM ops.scopes AS o
      WHERE o.run_id = $run_id AND o.verdict = 'complete'
        AND (o.scope_kind = 'organization' OR (o.scope_kind = 'user' AND o.user_id = p.user_id))
  );
