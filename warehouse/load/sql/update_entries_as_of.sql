-- Purpose: store the instant at which the entries of each person were last proved complete. If it is older than the
-- latest snapshot, they are stale.
-- Grain: one person.
-- Parameters: $run_id, $organization_id, $observed_at.
-- Second run: sets the same values.
UPDATE core.people AS p SET entries_as_of = $observed_at
WHERE p.organization_id = $organization_id
  AND p.left_at IS NULL
  AND EXISTS (
      FROM ops.scopes AS o
      WHERE o.run_id = $run_id AND o.verdict = 'complete'
        AND (o.scope_kind = 'organization' OR (o.scope_kind = 'user' AND o.user_id = p.user_id))
  );
