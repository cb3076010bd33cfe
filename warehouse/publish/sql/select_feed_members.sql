-- Purpose: return the people of each calendar feed: the members of each organization (team_id is null) and team.
-- Grain: one person and feed.
-- Second run: returns the same; the statement only reads.
SELECT organization_id, NULL::BIGINT AS team_id, organization AS name, user_id FROM ooo.main.members
UNION ALL
SELECT organization_id, team_id, coalesce(team, concat('Team ', team_id)) AS name, user_id FROM ooo.main.team_members
ORDER BY organization_id, team_id NULLS FIRST, user_id;
