-- Purpose: return the current members of the teams: accepted, and in the team and the organization.
-- Grain: one person who is in at least one of the teams.
-- Parameters: $organization_ids, $team_ids (two lists of the same length; the nth values are one team).
-- Second run: returns the same; the statement only reads published tables.
WITH chosen AS (
    SELECT unnest($organization_ids::BIGINT[]) AS organization_id, unnest($team_ids::BIGINT[]) AS team_id
)
SELECT DISTINCT m.organization_id, m.user_id
FROM dim_team_members AS m
JOIN chosen AS c ON c.organization_id = m.organization_id AND c.team_id = m.team_id
JOIN dim_people AS p ON p.organization_id = m.organization_id AND p.user_id = m.user_id AND p.left_at IS NULL
WHERE m.is_accepted AND m.left_at IS NULL
ORDER BY m.organization_id, m.user_id;
