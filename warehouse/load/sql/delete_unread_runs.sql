-- Purpose: delete the runs of a name in the fleet file that failed before the id of the organization was known.
-- Grain: one run.
-- Parameters: $fleet_name.
-- Second run: deletes nothing.
DELETE FROM ops.runs WHERE organization_id IS NULL AND fleet_name = $fleet_name;
