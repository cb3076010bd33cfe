-- Purpose: remove the staged records of erased people that failed validation.
-- Grain: one staged reject.
-- Second run: deletes nothing.
DELETE FROM staged_rejects AS s USING ops.erased_people AS e
WHERE e.organization_id = s.organization_id AND e.user_id = s.user_id;
