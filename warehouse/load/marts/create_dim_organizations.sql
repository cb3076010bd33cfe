-- Purpose: publish the organizations, with the API from which each was read and its freshness. An organization is
-- stale if its latest attempt failed, or if its snapshot is 36 hours older than the newest attempt of any organization.
-- Grain: one organization that was attempted.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.dim_organizations AS
SELECT
    r.organization_id, o.name, o.api_url,
    min(r.started_at) FILTER (r.outcome = 'complete') AS first_complete_at, l.observed_at AS last_snapshot_at,
    coalesce(
        l.observed_at < max(r.started_at) OR l.observed_at < max(max(r.started_at)) OVER () - INTERVAL 36 HOUR, true
    ) AS is_stale
FROM ops.runs AS r
LEFT JOIN core.organizations AS o ON o.organization_id = r.organization_id
LEFT JOIN ops.latest_snapshots AS l ON l.organization_id = r.organization_id
GROUP BY r.organization_id, o.name, o.api_url, l.observed_at;
