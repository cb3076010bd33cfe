-- Purpose: delete the staged rows of users who left while the organization was read, see create_staged_departures.
-- Grain: one staged person.
-- Second run: deletes nothing.
DELETE FROM staged_people AS s USING staged_departures AS d
WHERE d.organization_id = s.organization_id AND d.user_id = s.user_id;
