-- Purpose: set `left_at` of every person that is proved absent for the first time.
-- Grain: one person.
-- Parameters: $organization_id, $observed_at.
-- Second run: updates nothing.
UPDATE core.people SET left_at = $observed_at
WHERE organization_id = $organization_id
  AND left_at IS NULL
  AND user_id IN (FROM absent_people);
