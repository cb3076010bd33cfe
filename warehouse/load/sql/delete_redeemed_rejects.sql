-- Purpose: remove a reject if the same record passed validation on another page of this run.
-- Grain: one staged reject.
-- Second run: deletes nothing.
DELETE FROM staged_rejects
WHERE (record_kind = 'entry' AND record_id IN (SELECT entry_id FROM staged_entries))
   OR (record_kind = 'user' AND record_id IN (SELECT user_id FROM staged_people))
   OR (record_kind = 'team' AND record_id IN (SELECT team_id FROM staged_teams))
   OR (record_kind = 'membership' AND record_id IN (SELECT membership_id FROM staged_team_members));
