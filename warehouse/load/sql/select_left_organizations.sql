-- Purpose: return the organizations that the fleet file lacks, with the name in the file and the latest snapshot.
-- Grain: one organization, ascending.
-- Second run: returns the same; the statement only reads.
SELECT organization_id, fleet_name, last_snapshot_at FROM marts.dim_organizations
WHERE left_fleet_at IS NOT NULL
ORDER BY organization_id;
