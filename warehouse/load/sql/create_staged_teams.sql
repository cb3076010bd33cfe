-- Purpose: an empty table for the teams that one run has read, private to the connection.
-- Grain: one team as read on one page. A second run starts again from empty.
CREATE OR REPLACE TEMP TABLE staged_teams (
    page INTEGER, organization_id BIGINT, team_id BIGINT, parent_team_id BIGINT, name VARCHAR, slug VARCHAR,
    is_private BOOLEAN, time_zone VARCHAR
);
