-- Purpose: remove the stored row of each person that was read, before the new row is inserted.
-- Grain: one person.
-- Parameters: $organization_id.
-- Second run: deletes the rows that were inserted after the first run.
DELETE FROM core.people
WHERE organization_id = $organization_id AND user_id IN (SELECT user_id FROM staged_people);
