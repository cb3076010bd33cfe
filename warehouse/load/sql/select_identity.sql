-- Purpose: return the e-mail address and the names of a person, to find them in stored texts.
-- Grain: one person.
-- Parameters: $organization_id, $user_id.
-- Second run: returns the same; the statement only reads.
SELECT email, name, username FROM core.people
WHERE organization_id = $organization_id AND user_id = $user_id;
