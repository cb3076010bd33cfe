-- Purpose: who was erased.
-- Grain: one person. Parameters: $organization_id. Reads only.
SELECT user_id FROM ops.erased_people WHERE organization_id = $organization_id;
