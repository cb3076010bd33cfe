-- Purpose: publish the memberships of teams, with their staleness.
-- Grain: one person in one team.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.dim_team_members AS
SELECT
    m.organization_id, m.team_id, m.user_id, m.membership_id, m.role, m.is_accepted,
    m.first_seen_at, m.last_seen_at, m.left_at,
    m.left_at IS NULL AND (l.is_stale OR m.last_seen_at < l.observed_at) AS is_stale
FROM core.team_members AS m
JOIN marts.attempted_organizations AS l USING (organization_id);
