-- Purpose: return the names in the fleet file whose organization id was never found.
-- Grain: one name, ascending.
-- Second run: returns the same; the statement only reads.
SELECT DISTINCT r.fleet_name FROM ops.runs AS r
WHERE r.organization_id IS NULL
  AND r.fleet_name IS NOT NULL
  AND NOT EXISTS (FROM ops.runs AS known WHERE known.fleet_name = r.fleet_name AND known.organization_id IS NOT NULL)
ORDER BY r.fleet_name;
