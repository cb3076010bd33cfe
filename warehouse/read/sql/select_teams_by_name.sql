-- Purpose: return the teams whose id, slug or name is $team, and those whose name contains it. Case and accents do not
--   count. Deleted teams are left out.
-- Grain: one team.
-- Parameters: $team (text).
-- Second run: returns the same; the statement only reads published tables.
WITH teams AS (
    SELECT
        organization_id, team_id, name, strip_accents(lower(name)) AS plain_name,
        team_id::VARCHAR = $team
        OR coalesce(lower(slug) = lower($team), FALSE)
        OR coalesce(strip_accents(lower(name)) = strip_accents(lower($team)), FALSE) AS is_exact
    FROM dim_teams
    WHERE deleted_at IS NULL
)
SELECT organization_id, team_id, name, is_exact
FROM teams
WHERE is_exact OR contains(plain_name, strip_accents(lower($team)))
ORDER BY organization_id, name, team_id;
