-- Purpose: what a person is called, to find where else that stands.
-- Grain: one person. Parameters: $organization_id, $user_id. Reads only.
SELECT email, name, username FROM core.people
WHERE organization_id = $organization_id AND user_id = $user_id;
