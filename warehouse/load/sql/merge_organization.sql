-- Purpose: store the API host and the name of the organization that was read. A snapshot without a name keeps it.
-- Grain: one organization.
-- Parameters: $organization_id, $api_url, $organization_name.
-- Second run: stores the same.
MERGE INTO core.organizations AS o
USING (SELECT $organization_id AS organization_id, $api_url AS api_url, $organization_name AS name) AS s
ON o.organization_id = s.organization_id
WHEN MATCHED THEN UPDATE SET api_url = coalesce(s.api_url, o.api_url), name = coalesce(s.name, o.name)
WHEN NOT MATCHED THEN INSERT (organization_id, api_url, name) VALUES (s.organization_id, s.api_url, s.name);
