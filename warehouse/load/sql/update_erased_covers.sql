-- Purpose: no entry names someone who was erased as its cover.
-- Grain: one staged entry. A second run finds none.
UPDATE staged_entries AS s SET covering_user_id = NULL FROM ops.erased_people AS e
WHERE e.organization_id = s.organization_id AND e.user_id = s.covering_user_id;
