-- Purpose: as of when the data is, for the manifest. Grain: one organization. A second run gives the same.
SELECT organization_id, observed_at
FROM ops.latest_snapshots
ORDER BY organization_id;
