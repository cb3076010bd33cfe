-- Purpose: return the future working days on which a person and the person's cover are both absent, for the report
-- page.
-- Grain: one absent person and day.
-- Parameters: $first_on, $last_on (both included), $most (rows per organization).
-- Second run: returns the same; the statement only reads.
SELECT *, count(*) OVER (PARTITION BY organization_id) AS of_rows
FROM coverage_conflicts($first_on, $last_on)
WHERE is_working_day
QUALIFY row_number() OVER (PARTITION BY organization_id ORDER BY date_on, user_id) <= $most
ORDER BY organization_id, date_on, user_id;
