-- Purpose: clear `left_at` of the people of entries that were read: they rejoined after the users list was read.
-- Grain: one person.
-- Second run: updates nothing.
UPDATE core.people AS p SET left_at = NULL
FROM staged_entries AS e
WHERE p.organization_id = e.organization_id AND p.user_id = e.user_id AND p.left_at IS NOT NULL;
