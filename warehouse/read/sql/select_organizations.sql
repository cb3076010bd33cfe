-- Purpose: return the name, size, freshness and completeness of each organization with a snapshot, for the report
-- pages. since_at is the newest snapshot of an earlier date, with which the pages compare the entries.
-- Grain: one organization.
-- Second run: returns the same; the statement only reads.
SELECT
    o.organization_id, coalesce(o.name, o.fleet_name) AS name, o.last_snapshot_at AS observed_at, o.last_attempt_at,
    o.left_fleet_at, o.is_stale,
    (
        SELECT max(r.started_at) FROM runs AS r
        WHERE r.organization_id = o.organization_id AND r.outcome <> 'failed'
          AND r.started_at::DATE < o.last_snapshot_at::DATE
    ) AS since_at,
    (
        SELECT arg_max(r.outcome, r.started_at) FROM runs AS r WHERE r.organization_id = o.organization_id
    ) AS outcome,
    count(p.user_id) FILTER (p.left_at IS NULL) AS people,
    count(p.user_id) FILTER (p.is_stale) AS people_stale,
    (SELECT count(*) FROM fct_ooo_entries AS e WHERE e.organization_id = o.organization_id AND e.deleted_at IS NULL)
        AS entries,
    (SELECT count(*) FROM fct_ooo_entries AS e WHERE e.organization_id = o.organization_id AND e.is_stale)
        AS entries_stale
FROM dim_organizations AS o
LEFT JOIN dim_people AS p USING (organization_id)
WHERE o.last_snapshot_at IS NOT NULL
GROUP BY
    o.organization_id, o.name, o.fleet_name, o.last_snapshot_at, o.last_attempt_at, o.left_fleet_at, o.is_stale
ORDER BY o.organization_id;
