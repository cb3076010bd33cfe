-- Purpose: return the name, size, freshness and completeness of each organization with a snapshot, for the report page.
-- Grain: one organization.
-- Second run: returns the same; the statement only reads.
SELECT
    o.organization_id, o.name, o.last_snapshot_at AS observed_at,
    count(p.user_id) FILTER (p.left_at IS NULL) AS people,
    count(p.user_id) FILTER (p.is_stale) AS people_stale,
    (SELECT count(*) FROM fct_ooo_entries AS e WHERE e.organization_id = o.organization_id AND e.deleted_at IS NULL)
        AS entries,
    (SELECT count(*) FROM fct_ooo_entries AS e WHERE e.organization_id = o.organization_id AND e.is_stale)
        AS entries_stale
FROM dim_organizations AS o
LEFT JOIN dim_people AS p USING (organization_id)
WHERE o.last_snapshot_at IS NOT NULL
GROUP BY o.organization_id, o.name, o.last_snapshot_at
ORDER BY o.organization_id;
