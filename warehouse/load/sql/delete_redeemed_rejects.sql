-- Purpose: remove a rejected record if the same record passed validation on another page of this run.
-- Grain: one staged reject.
-- Second run: deletes nothing.
DELETE FROM staged_rejects AS r
USING (
    SELECT organization_id, 'entry' AS record_kind, entry_id AS record_id FROM staged_entries
    UNION ALL SELECT organization_id, 'user', user_id FROM staged_people
    UNION ALL SELECT organization_id, 'team', team_id FROM staged_teams
    UNION ALL SELECT organization_id, 'membership', membership_id FROM staged_team_members
) AS s
WHERE r.organization_id = s.organization_id AND r.record_kind = s.record_kind AND r.record_id = s.record_id;
