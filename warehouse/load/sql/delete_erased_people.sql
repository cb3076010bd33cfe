-- Purpose: remove the staged rows of erased people, whom the source may still have.
-- Grain: one staged person.
-- Second run: deletes nothing.
DELETE FROM staged_people AS s USING ops.erased_people AS e
WHERE e.organization_id = s.organization_id AND e.user_id = s.user_id;
