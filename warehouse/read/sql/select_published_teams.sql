-- Purpose: how many teams of the organization are published. An older publication has no table of teams.
-- Grain: one row. Parameters: $organization_id. Reads only, the published tables.
SELECT count(*) AS teams FROM dim_teams WHERE organization_id = $organization_id AND deleted_at IS NULL;
