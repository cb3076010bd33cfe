-- Purpose: remove the stored row of each person that was read, before the new row is inserted.
-- Grain: one person.
-- Second run: deletes the rows that were inserted after the first run.
DELETE FROM core.people AS p USING staged_people AS s
WHERE p.organization_id = s.organization_id AND p.user_id = s.user_id;
