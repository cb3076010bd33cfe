-- Purpose: count the people whose entry says that the day is a public holiday, for the report pages. The pages tint
-- such days and do not list these people as absent.
-- Grain: one organization and day with such a person.
-- Parameters: $first_on, $last_on (both included).
-- Second run: returns the same; the statement only reads.
SELECT organization_id, date_on, count(*) AS people
FROM fct_absence_days
WHERE reason = 'public_holiday' AND date_on BETWEEN $first_on AND $last_on
GROUP BY organization_id, date_on
ORDER BY organization_id, date_on;
