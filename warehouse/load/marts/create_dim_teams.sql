-- Purpose: publish the teams, with their staleness.
-- Grain: one team.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.dim_teams AS
SELECT
    t.organization_id, t.team_id, t.parent_team_id, t.name, t.slug, t.is_private, t.time_zone,
    t.first_seen_at, t.last_seen_at, t.deleted_at,
    t.deleted_at IS NULL AND (l.is_stale OR t.last_seen_at < l.observed_at) AS is_stale
FROM core.teams AS t
JOIN marts.attempted_organizations AS l USING (organization_id);
