-- Purpose: make room for the people that were read.
-- Grain: one person. Parameters: $organization_id. A second run deletes what the first inserted.
DELETE FROM core.people
WHERE organization_id = $organization_id AND user_id IN (SELECT user_id FROM staged_people);
