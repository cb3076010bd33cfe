-- Purpose: an empty table for the memberships that one run has read, private to the connection.
-- Grain: one membership as read on one page. A second run starts again from empty.
CREATE OR REPLACE TEMP TABLE staged_team_members (
    page INTEGER, organization_id BIGINT, team_id BIGINT, user_id BIGINT, membership_id BIGINT, role VARCHAR,
    is_accepted BOOLEAN
);
