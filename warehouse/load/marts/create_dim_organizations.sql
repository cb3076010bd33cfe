-- Purpose: publish the organizations, with the API from which each was read, its attempts and its freshness.
-- Grain: one organization that a run has tried to read.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.dim_organizations AS
SELECT
    a.organization_id, o.name, o.fleet_name, o.api_url, a.first_complete_at, a.observed_at AS last_snapshot_at,
    a.attempted_at AS last_attempt_at, a.left_fleet_at, a.is_stale
FROM marts.attempted_organizations AS a
LEFT JOIN core.organizations AS o ON o.organization_id = a.organization_id;
