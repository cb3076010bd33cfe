-- Purpose: return the instant of the latest snapshot per organization, and whether it is stale, for the manifest.
-- Grain: one organization that a run has tried to read, ascending.
-- Second run: returns the same; the statement only reads.
SELECT organization_id, observed_at, is_stale
FROM marts.attempted_organizations
ORDER BY organization_id;
