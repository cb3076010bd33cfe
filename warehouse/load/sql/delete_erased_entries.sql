-- Purpose: entries of who was erased do not come back.
-- Grain: one staged entry. A second run deletes nothing.
DELETE FROM staged_entries AS s USING ops.erased_people AS e
WHERE e.organization_id = s.organization_id AND e.user_id = s.user_id;
