-- Purpose: count the members of each published team of the organization. A publication of an older version has no table
-- of teams.
-- Grain: one team that was not deleted.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads published tables.
SELECT count(m.user_id) AS members
FROM dim_teams AS t
LEFT JOIN dim_team_members AS m
    ON m.organization_id = t.organization_id AND m.team_id = t.team_id AND m.left_at IS NULL
WHERE t.organization_id = $organization_id AND t.deleted_at IS NULL
GROUP BY t.team_id;
