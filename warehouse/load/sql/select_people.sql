-- Purpose: return every person with the e-mail address, by which a list of calendars can name the person.
-- Grain: one person, ascending by key.
-- Second run: returns the same; the statement only reads.
SELECT organization_id, user_id, email
FROM core.people
ORDER BY organization_id, user_id;
