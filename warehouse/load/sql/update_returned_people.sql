-- Purpose: clear `left_at` of the people of entries that were read: they rejoined after the users list was read.
-- Grain: one person.
-- Parameters: $organization_id.
-- Second run: updates nothing.
UPDATE core.people SET left_at = NULL
WHERE organization_id = $organization_id
  AND left_at IS NOT NULL
  AND user_id IN (SELECT user_id FROM staged_entries);
