-- Purpose: insert the organizations that an older version loaded without a row of their own.
-- Grain: one organization.
-- Second run: inserts nothing.
INSERT INTO core.organizations (organization_id)
SELECT organization_id FROM ops.latest_snapshots
EXCEPT SELECT organization_id FROM core.organizations;
