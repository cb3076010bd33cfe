-- Purpose: count the published teams of the organization. A publication of an older version has no table of teams.
-- Grain: one row.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads published tables.
SELECT count(*) AS teams FROM dim_teams WHERE organization_id = $organization_id AND deleted_at IS NULL;
