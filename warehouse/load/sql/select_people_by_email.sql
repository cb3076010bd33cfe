-- Purpose: return the people with an e-mail address, ascending.
-- Grain: one person.
-- Parameters: $email, in any case.
-- Second run: returns the same; the statement only reads.
SELECT organization_id, user_id FROM core.people
WHERE lower(email) = lower($email)
ORDER BY organization_id, user_id;
