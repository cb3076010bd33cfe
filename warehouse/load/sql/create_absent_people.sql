-- Purpose: who is proved not to be in the organization: known, and not in a users list that is proved whole.
-- Someone whose record is there but unreadable, or of whom an entry was read since, is not absent.
-- Grain: one person. Parameters: $run_id, $organization_id. A second run makes the same table again.
CREATE OR REPLACE TEMP TABLE absent_people AS
SELECT user_id FROM core.people
WHERE organization_id = $organization_id
  AND EXISTS (
      FROM ops.scopes AS o
      WHERE o.run_id = $run_id AND o.scope_kind = 'users' AND o.verdict = 'complete'
  )
EXCEPT SELECT user_id FROM staged_people
EXCEPT SELECT user_id FROM staged_entries
EXCEPT SELECT user_id FROM staged_rejects WHERE record_kind IN ('user', 'entry');
