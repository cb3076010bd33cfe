-- Purpose: who is out in the two weeks that the report page shows, and who covers.
-- Grain: one live entry that touches the range. Parameters: $first_on, $last_on (both included), $most rows an
-- organization. Reads only.
SELECT *, count(*) OVER (PARTITION BY organization_id) AS of_rows
FROM who_is_out($first_on, $last_on)
QUALIFY row_number() OVER (PARTITION BY organization_id ORDER BY name NULLS LAST, user_id, starts_on, entry_id) <= $most
ORDER BY organization_id, name NULLS LAST, user_id, starts_on, entry_id;
