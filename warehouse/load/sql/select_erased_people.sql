-- Purpose: return the ids of the erased people of the organization.
-- Grain: one person.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads.
SELECT user_id FROM ops.erased_people WHERE organization_id = $organization_id;
