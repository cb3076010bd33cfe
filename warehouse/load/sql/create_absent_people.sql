-- Purpose: find the people that are proved not to be in the organization: stored before, and missing from a users
-- list that is proved complete. A person whose record is there but failed validation is not absent, nor is the
-- person of an entry that was read.
-- Grain: one person.
-- Second run: creates the same table again.
CREATE OR REPLACE TEMP TABLE absent_people AS
SELECT organization_id, user_id FROM core.people
WHERE organization_id IN (
    SELECT n.organization_id FROM staged_snapshots AS n JOIN ops.scopes AS o USING (run_id)
    WHERE o.scope_kind = 'users' AND o.verdict = 'complete'
)
EXCEPT SELECT organization_id, user_id FROM staged_people
EXCEPT SELECT organization_id, user_id FROM staged_entries
EXCEPT SELECT organization_id, user_id FROM staged_rejects WHERE record_kind IN ('user', 'entry');
