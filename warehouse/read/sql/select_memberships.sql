-- Purpose: return the teams and their members for the report pages, as in who_is_out_by_team.
-- Grain: one accepted member of one team.
-- Second run: returns the same; the statement only reads.
SELECT t.organization_id, t.team_id, coalesce(nullif(trim(t.name), ''), concat('Team ', t.team_id)) AS team, m.user_id
FROM dim_teams AS t
JOIN dim_team_members AS m
    ON m.organization_id = t.organization_id AND m.team_id = t.team_id AND m.is_accepted AND m.left_at IS NULL
JOIN dim_people AS p
    ON p.organization_id = m.organization_id AND p.user_id = m.user_id AND p.left_at IS NULL
WHERE t.deleted_at IS NULL
ORDER BY t.organization_id, lower(team), t.team_id, m.user_id;
