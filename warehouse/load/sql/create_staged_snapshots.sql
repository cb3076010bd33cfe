-- Purpose: hold the facts of the snapshots that one transaction applies: the organization, the run, its instant and the
-- names. The statements of a load join it, so that one statement serves all snapshots.
-- Grain: one organization.
-- Second run: creates the table again, empty.
CREATE OR REPLACE TEMP TABLE staged_snapshots (
    organization_id BIGINT, run_id VARCHAR, observed_at TIMESTAMP, api_url VARCHAR, organization_name VARCHAR,
    fleet_name VARCHAR
);
