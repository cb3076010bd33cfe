-- Purpose: mark a team as deleted if a complete list of teams lacks it. A team whose record is there but failed
-- validation is not deleted, nor is a team with members that were read.
-- Grain: one team.
-- Second run: updates nothing.
UPDATE core.teams AS c SET deleted_at = n.observed_at
FROM staged_snapshots AS n
JOIN ops.scopes AS o ON o.run_id = n.run_id AND o.scope_kind = 'teams' AND o.verdict = 'complete'
WHERE c.organization_id = n.organization_id
  AND c.deleted_at IS NULL
  AND NOT EXISTS (
      FROM staged_teams AS s WHERE s.organization_id = c.organization_id AND s.team_id = c.team_id
  )
  AND NOT EXISTS (
      FROM staged_team_members AS s WHERE s.organization_id = c.organization_id AND s.team_id = c.team_id
  )
  AND NOT EXISTS (
      FROM staged_rejects AS r
      WHERE r.organization_id = c.organization_id AND r.record_kind = 'team' AND r.record_id = c.team_id
  );
