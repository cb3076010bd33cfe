-- Purpose: return the names in the fleet file whose organization was never found out.
-- Grain: one name, ascending.
-- Second run: returns the same; the statement only reads.
SELECT DISTINCT r.fleet_name FROM ops.runs AS r
WHERE r.organization_id IS NULL
  AND r.fleet_name IS NOT NULL
  AND NOT EXISTS (FROM core.organizations AS o WHERE o.fleet_name = r.fleet_name)
ORDER BY r.fleet_name;
