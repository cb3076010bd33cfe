-- Purpose: decide for each organization whether it is stale: it has no snapshot, its latest attempt failed, the fleet
-- file lacks it, or its snapshot is 36 hours older than the newest attempt of any organization.
-- Grain: one organization that a run has tried to read.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.attempted_organizations AS
SELECT
    a.organization_id, a.first_complete_at, l.observed_at, a.attempted_at,
    CASE WHEN o.left_fleet_at > l.observed_at THEN o.left_fleet_at END AS left_fleet_at,
    l.observed_at IS NULL
        OR l.observed_at < a.attempted_at
        OR coalesce(l.observed_at < o.left_fleet_at, false)
        OR l.observed_at < (SELECT max(started_at) FROM ops.runs) - INTERVAL 36 HOUR AS is_stale
FROM (
    SELECT
        organization_id, max(started_at) AS attempted_at,
        min(started_at) FILTER (outcome = 'complete') AS first_complete_at
    FROM ops.runs
    WHERE organization_id IS NOT NULL
    GROUP BY organization_id
) AS a
LEFT JOIN ops.latest_snapshots AS l ON l.organization_id = a.organization_id
LEFT JOIN core.organizations AS o ON o.organization_id = a.organization_id;
