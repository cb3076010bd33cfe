-- Purpose: return the absence per team for the report, as absence_by_team gives it.
-- Grain: one team that is not deleted.
-- Parameters: $first_on, $last_on (both included).
-- Second run: returns the same; the statement only reads.
SELECT organization_id, team_id, people, people_absent, absence_days, absence_working_days, absence_rate
FROM absence_by_team($first_on, $last_on)
ORDER BY organization_id, team_id;
