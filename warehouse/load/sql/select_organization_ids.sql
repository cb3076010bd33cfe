-- Purpose: return the organizations of the warehouse, with the name in the fleet file.
-- Grain: one organization that was loaded or attempted, ascending.
-- Second run: returns the same; the statement only reads.
SELECT a.organization_id, o.fleet_name
FROM (
    SELECT organization_id FROM ops.runs WHERE organization_id IS NOT NULL
    UNION SELECT organization_id FROM core.organizations
) AS a
LEFT JOIN core.organizations AS o USING (organization_id)
ORDER BY a.organization_id;
