-- Purpose: set `left_at` of every person that is proved absent for the first time.
-- Grain: one person.
-- Second run: updates nothing.
UPDATE core.people AS p SET left_at = n.observed_at
FROM absent_people AS a
JOIN staged_snapshots AS n ON n.organization_id = a.organization_id
WHERE p.organization_id = a.organization_id AND p.user_id = a.user_id AND p.left_at IS NULL;
