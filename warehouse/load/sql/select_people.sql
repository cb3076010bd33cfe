-- Purpose: everyone who has a calendar, with what a list of people names them by.
-- Grain: one person, ascending by key. Reads only.
SELECT organization_id, user_id, email
FROM core.people
ORDER BY organization_id, user_id;
