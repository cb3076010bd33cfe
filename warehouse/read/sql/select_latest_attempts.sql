-- Purpose: return the latest run of each organization, and every run of a name whose organization was never found out.
-- An older publication has fewer columns, such as no fleet_name.
-- Grain: one run, oldest first.
-- Second run: returns the same; the statement only reads.
FROM (FROM runs UNION ALL BY NAME SELECT NULL::VARCHAR AS fleet_name WHERE FALSE)
QUALIFY CASE
    WHEN organization_id IS NULL THEN max(organization_id) OVER (PARTITION BY fleet_name) IS NULL
    ELSE started_at = max(started_at) OVER (PARTITION BY organization_id)
END
ORDER BY started_at, run_id;
