-- Purpose: return the organizations from which a person was erased.
-- Grain: one organization.
-- Second run: returns the same; the statement only reads.
SELECT DISTINCT organization_id FROM ops.erased_people;
