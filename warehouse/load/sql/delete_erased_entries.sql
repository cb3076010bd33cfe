-- Purpose: remove the staged entries of erased people, which the source may still have.
-- Grain: one staged entry.
-- Second run: deletes nothing.
DELETE FROM staged_entries AS s USING ops.erased_people AS e
WHERE e.organization_id = s.organization_id AND e.user_id = s.user_id;
