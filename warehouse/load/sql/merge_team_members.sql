-- Purpose: store the memberships that were read, and mark those as left that are proved gone. A membership is proved
-- gone if the complete list of its team lacks it, or if the team is deleted (merge_teams runs first). A membership
-- that is there but failed validation is not gone.
-- Grain: one person in one team.
-- Parameters: $run_id, $organization_id, $observed_at.
-- Second run: sets the same values.
MERGE INTO core.team_members AS c
USING (
    SELECT * EXCLUDE (page) FROM staged_team_members
    -- A person who left and returned during the reading has two memberships; ids ascend in time.
    QUALIFY row_number() OVER (PARTITION BY team_id, user_id ORDER BY membership_id DESC) = 1
) AS s
ON c.organization_id = s.organization_id AND c.team_id = s.team_id AND c.user_id = s.user_id
WHEN MATCHED THEN UPDATE SET
    membership_id = s.membership_id, role = s.role, is_accepted = s.is_accepted,
    last_seen_at = $observed_at, left_at = NULL
WHEN NOT MATCHED THEN INSERT
    (organization_id, team_id, user_id, membership_id, role, is_accepted, first_seen_at, last_seen_at)
    VALUES (s.organization_id, s.team_id, s.user_id, s.membership_id, s.role, s.is_accepted,
        $observed_at::TIMESTAMP, $observed_at::TIMESTAMP)
WHEN NOT MATCHED BY SOURCE
    AND c.organization_id = $organization_id
    AND c.left_at IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM staged_rejects AS r
        WHERE r.record_kind = 'membership' AND r.team_id = c.team_id
          AND (r.record_id = c.membership_id OR r.user_id = c.user_id)
    )
    AND (
        c.team_id IN (
            SELECT o.team_id FROM ops.scopes AS o
            WHERE o.run_id = $run_id AND o.scope_kind = 'team' AND o.verdict = 'complete'
        )
        OR c.team_id IN (
            SELECT t.team_id FROM core.teams AS t
            WHERE t.organization_id = $organization_id AND t.deleted_at IS NOT NULL
        )
    )
THEN UPDATE SET left_at = $observed_at;
