-- Purpose: store the API host and the names of the organizations that were read. A snapshot without a name keeps it.
-- Grain: one organization.
-- Second run: stores the same.
MERGE INTO core.organizations AS o
USING staged_snapshots AS s
ON o.organization_id = s.organization_id
WHEN MATCHED THEN UPDATE SET
    api_url = coalesce(s.api_url, o.api_url), name = coalesce(s.organization_name, o.name),
    fleet_name = coalesce(s.fleet_name, o.fleet_name)
WHEN NOT MATCHED THEN INSERT (organization_id, api_url, name, fleet_name)
    VALUES (s.organization_id, s.api_url, s.organization_name, s.fleet_name);
