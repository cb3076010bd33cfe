-- Purpose: remove the staged memberships of erased people.
-- Grain: one staged membership.
-- Second run: deletes nothing.
DELETE FROM staged_team_members AS s USING ops.erased_people AS e
WHERE e.organization_id = s.organization_id AND e.user_id = s.user_id;
