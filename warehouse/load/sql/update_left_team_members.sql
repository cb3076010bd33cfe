-- Purpose: mark the memberships as left that are proved gone: the complete list of the team lacks the membership, or
-- the team is deleted (update_deleted_teams runs first). A membership that is there but failed validation is not gone.
-- Grain: one person in one team.
-- Second run: updates nothing.
UPDATE core.team_members AS c SET left_at = n.observed_at
FROM staged_snapshots AS n
WHERE c.organization_id = n.organization_id
  AND c.left_at IS NULL
  AND NOT EXISTS (
      FROM staged_team_members AS s
      WHERE s.organization_id = c.organization_id AND s.team_id = c.team_id AND s.user_id = c.user_id
  )
  AND NOT EXISTS (
      FROM staged_rejects AS r
      WHERE r.organization_id = c.organization_id AND r.record_kind = 'membership' AND r.team_id = c.team_id
        AND (r.record_id = c.membership_id OR r.user_id = c.user_id)
  )
  AND (
      EXISTS (
          FROM ops.scopes AS o
          WHERE o.run_id = n.run_id AND o.scope_kind = 'team' AND o.verdict = 'complete' AND o.team_id = c.team_id
      )
      OR EXISTS (
          FROM core.teams AS t
          WHERE t.organization_id = c.organization_id AND t.team_id = c.team_id AND t.deleted_at IS NOT NULL
      )
  );
