-- Purpose: store the instant at which the entries of each person were last proved complete. If it is older than the
-- latest snapshot, they are stale.
-- Grain: one person.
-- Second run: sets the same values.
UPDATE core.people AS p SET entries_as_of = n.observed_at
FROM staged_snapshots AS n
WHERE p.organization_id = n.organization_id
  AND p.left_at IS NULL
  AND (
      EXISTS (
          FROM ops.scopes AS o
          WHERE o.run_id = n.run_id AND o.verdict = 'complete' AND o.scope_kind = 'organization'
      )
      OR EXISTS (
          FROM ops.scopes AS o
          WHERE o.run_id = n.run_id AND o.verdict = 'complete' AND o.scope_kind = 'user' AND o.user_id = p.user_id
      )
  );
