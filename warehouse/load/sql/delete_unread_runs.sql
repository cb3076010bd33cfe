-- Purpose: delete the runs of an organization that failed before its id was known, under any of its names.
-- Grain: one run.
-- Parameters: $organization_id, $fleet_name.
-- Second run: deletes nothing.
DELETE FROM ops.runs
WHERE
    organization_id IS NULL
    AND (
        fleet_name = $fleet_name
        OR fleet_name IN (SELECT r.fleet_name FROM ops.runs AS r WHERE r.organization_id = $organization_id)
    );
