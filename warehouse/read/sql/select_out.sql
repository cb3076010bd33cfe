-- Purpose: return the absent people and their covers in the two weeks that the report page shows.
-- Grain: one live entry that overlaps the range.
-- Parameters: $first_on, $last_on (both included), $most (rows per organization).
-- Second run: returns the same; the statement only reads.
SELECT *, count(*) OVER (PARTITION BY organization_id) AS of_rows
FROM who_is_out($first_on, $last_on)
QUALIFY row_number() OVER (PARTITION BY organization_id ORDER BY name NULLS LAST, user_id, starts_on, entry_id) <= $most
ORDER BY organization_id, name NULLS LAST, user_id, starts_on, entry_id;
