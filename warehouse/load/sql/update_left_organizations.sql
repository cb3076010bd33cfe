-- Purpose: store the instant at which an organization left the fleet: the first fleet sync whose file lacks it. A
-- name belongs to the organization that was read under it last.
-- Grain: one organization.
-- Parameters: $organization_ids (the organizations of the file), $names (their names), $left_at.
-- Second run: updates nothing.
UPDATE core.organizations AS o
SET
    fleet_name = CASE WHEN list_contains($names::VARCHAR[], o.fleet_name) THEN NULL ELSE o.fleet_name END,
    left_fleet_at = $left_at
FROM ops.latest_snapshots AS l
WHERE l.organization_id = o.organization_id
  AND NOT list_contains($organization_ids::BIGINT[], o.organization_id)
  AND (o.left_fleet_at IS NULL OR o.left_fleet_at < l.observed_at);
