-- Purpose: store the teams that were read, and mark a team as deleted if a complete list of teams lacks it. A team
-- whose record is there but failed validation is not deleted; one that never passed validation has no name.
-- Grain: one team.
-- Parameters: $run_id, $organization_id, $observed_at.
-- Second run: sets the same values.
MERGE INTO core.teams AS c
USING (
    SELECT * EXCLUDE (page), true AS is_read FROM staged_teams
    UNION ALL BY NAME
    SELECT DISTINCT m.organization_id, m.team_id, false AS is_read
    FROM staged_team_members AS m
    ANTI JOIN staged_teams USING (team_id)
) AS s
ON c.organization_id = s.organization_id AND c.team_id = s.team_id
WHEN MATCHED AND s.is_read THEN UPDATE SET
    parent_team_id = s.parent_team_id, name = s.name, slug = s.slug, is_private = s.is_private,
    time_zone = s.time_zone, last_seen_at = $observed_at, deleted_at = NULL
WHEN MATCHED THEN UPDATE SET deleted_at = NULL
WHEN NOT MATCHED THEN INSERT
    (organization_id, team_id, parent_team_id, name, slug, is_private, time_zone, first_seen_at, last_seen_at)
    VALUES (s.organization_id, s.team_id, s.parent_team_id, s.name, s.slug, s.is_private, s.time_zone,
        $observed_at::TIMESTAMP, $observed_at::TIMESTAMP)
WHEN NOT MATCHED BY SOURCE
    AND c.organization_id = $organization_id
    AND c.deleted_at IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM staged_rejects AS r WHERE r.record_kind = 'team' AND r.record_id = c.team_id
    )
    AND EXISTS (
        SELECT 1 FROM ops.scopes AS o
        WHERE o.run_id = $run_id AND o.scope_kind = 'teams' AND o.verdict = 'complete'
    )
THEN UPDATE SET deleted_at = $observed_at;
