-- Purpose: records of who was erased do not come back, though they can't be read.
-- Grain: one staged reject. A second run deletes nothing.
DELETE FROM staged_rejects AS s USING ops.erased_people AS e
WHERE e.organization_id = s.organization_id AND e.user_id = s.user_id;
