-- Purpose: return the size, freshness and completeness of each organization, for the report page.
-- Grain: one organization.
-- Second run: returns the same; the statement only reads.
SELECT
    organization_id,
    (SELECT max(r.started_at) FROM runs AS r WHERE r.organization_id = p.organization_id AND r.outcome <> 'failed')
        AS observed_at,
    count(*) FILTER (p.left_at IS NULL) AS people,
    count(*) FILTER (p.is_stale) AS people_stale,
    (SELECT count(*) FROM fct_ooo_entries AS e WHERE e.organization_id = p.organization_id AND e.deleted_at IS NULL)
        AS entries,
    (SELECT count(*) FROM fct_ooo_entries AS e WHERE e.organization_id = p.organization_id AND e.is_stale)
        AS entries_stale
FROM dim_people AS p
GROUP BY organization_id
ORDER BY organization_id;
