-- Purpose: store the id of an erased person.
-- Grain: one person.
-- Parameters: $organization_id, $user_id, $erased_at.
-- Second run: inserts nothing.
INSERT INTO ops.erased_people
SELECT $organization_id, $user_id, $erased_at::TIMESTAMP
WHERE NOT EXISTS (FROM ops.erased_people WHERE organization_id = $organization_id AND user_id = $user_id);
