-- Purpose: record every attempt to read an organization, and the organizations of a fleet.
-- The row of an attempt that failed before the organization's id was known has the name in the fleet file, or neither.
-- An organization that a fleet file lacks is stale until it is read again.
-- Effect of a second run: none; each migration is applied once.
DROP VIEW IF EXISTS marts.dim_organizations;
DROP VIEW IF EXISTS marts.runs;

ALTER TABLE ops.runs ALTER COLUMN organization_id DROP NOT NULL;
ALTER TABLE ops.runs ADD COLUMN fleet_name VARCHAR;

ALTER TABLE core.organizations ADD COLUMN fleet_name VARCHAR;
ALTER TABLE core.organizations ADD COLUMN left_fleet_at TIMESTAMP;
