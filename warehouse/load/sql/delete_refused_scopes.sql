-- Purpose: remove the verdicts of the snapshots that a guard has refused.
-- Grain: one scope.
-- Parameters: $organization_ids.
-- Second run: deletes nothing.
DELETE FROM ops.scopes AS s USING staged_snapshots AS n
WHERE s.run_id = n.run_id AND list_contains($organization_ids::BIGINT[], n.organization_id);
