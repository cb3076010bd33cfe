-- Purpose: remove the verdicts about erased people.
-- Grain: one scope.
-- Second run: deletes nothing.
DELETE FROM ops.scopes AS s USING ops.erased_people AS e, staged_snapshots AS n
WHERE s.run_id = n.run_id AND e.organization_id = s.organization_id AND e.user_id = s.user_id;
