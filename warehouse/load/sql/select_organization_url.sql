-- Purpose: return the API host from which the organization was read.
-- Grain: one organization, or none.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads.
SELECT api_url FROM core.organizations WHERE organization_id = $organization_id AND api_url IS NOT NULL;
