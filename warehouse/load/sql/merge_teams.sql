-- Purpose: store the teams that were read. A team has no name if only its members passed validation.
-- Grain: one team.
-- Second run: sets the same values.
MERGE INTO core.teams AS c
USING (
    SELECT r.*, n.observed_at
    FROM (
        SELECT * EXCLUDE (page), true AS is_read FROM staged_teams
        UNION ALL BY NAME
        SELECT DISTINCT organization_id, team_id, false AS is_read
        FROM staged_team_members
        ANTI JOIN staged_teams USING (organization_id, team_id)
    ) AS r
    JOIN staged_snapshots AS n ON n.organization_id = r.organization_id
) AS s
ON c.organization_id = s.organization_id AND c.team_id = s.team_id
WHEN MATCHED AND s.is_read THEN UPDATE SET
    parent_team_id = s.parent_team_id, name = s.name, slug = s.slug, is_private = s.is_private,
    time_zone = s.time_zone, last_seen_at = s.observed_at, deleted_at = NULL
WHEN MATCHED THEN UPDATE SET deleted_at = NULL
WHEN NOT MATCHED THEN INSERT
    (organization_id, team_id, parent_team_id, name, slug, is_private, time_zone, first_seen_at, last_seen_at)
    VALUES (s.organization_id, s.team_id, s.parent_team_id, s.name, s.slug, s.is_private, s.time_zone,
        s.observed_at, s.observed_at);
