-- Purpose: return the API host from which each organization was read.
-- Grain: one organization that has such a host.
-- Second run: returns the same; the statement only reads.
SELECT organization_id, api_url FROM core.organizations WHERE api_url IS NOT NULL;
