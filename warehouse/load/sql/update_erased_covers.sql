-- Purpose: remove erased people as covers from staged entries.
-- Grain: one staged entry.
-- Second run: updates nothing.
UPDATE staged_entries AS s SET covering_user_id = NULL FROM ops.erased_people AS e
WHERE e.organization_id = s.organization_id AND e.user_id = s.covering_user_id;
