-- Purpose: who was erased does not come back, though the source still has them.
-- Grain: one staged person. A second run deletes nothing.
DELETE FROM staged_people AS s USING ops.erased_people AS e
WHERE e.organization_id = s.organization_id AND e.user_id = s.user_id;
