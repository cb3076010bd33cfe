-- Purpose: make room for the days that are derived again.
-- Grain: one person and day. A second run deletes what was put in their place.
DELETE FROM marts.person_days AS d
USING changed_people AS p
WHERE d.organization_id = p.organization_id AND d.user_id = p.user_id;
