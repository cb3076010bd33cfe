-- Purpose: return the absence per person for the report, as absence_by_person gives it.
-- Grain: one person who is absent in the range.
-- Parameters: $first_on, $last_on (both included).
-- Second run: returns the same; the statement only reads.
SELECT organization_id, user_id, absence_days, absence_working_days, sick_days
FROM absence_by_person($first_on, $last_on)
ORDER BY organization_id, user_id;
