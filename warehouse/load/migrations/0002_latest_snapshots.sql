-- Purpose: as of when each organization is known: what is older is stale.
-- Grain: one organization.
CREATE VIEW ops.latest_snapshots AS
SELECT organization_id, max(started_at) AS observed_at
FROM ops.runs
WHERE outcome <> 'failed'
GROUP BY organization_id;
