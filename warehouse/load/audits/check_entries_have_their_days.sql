-- Audit: error. Promise: every live entry has each of its days, and no other entry has days.
-- Purpose: count the live entries that lack a day or have a day of another entry, and the other entries that have days.
-- Another audit checks that the keys are unique. If an entry has as many days as it should, from the first to the
-- last of them, then these are exactly its days.
-- Grain: one row; an offender is an entry.
-- Second run: returns the same; the statement only reads.
WITH actual AS (
    SELECT
        organization_id, entry_id, count(*) AS days, min(date_on) AS first_on, max(date_on) AS last_on,
        min(user_id) AS user_id, max(user_id) AS other_user_id
    FROM marts.fct_entry_days
    GROUP BY organization_id, entry_id
),
expected AS (
    SELECT organization_id, entry_id, user_id, starts_on, materialized_days
    FROM core.ooo_entries
    WHERE deleted_at IS NULL AND materialized_days > 0
)
SELECT count(*)
FROM actual FULL JOIN expected USING (organization_id, entry_id)
WHERE (actual.days, actual.first_on, actual.last_on, actual.user_id, actual.other_user_id) IS DISTINCT FROM
      (expected.materialized_days, expected.starts_on, expected.starts_on + expected.materialized_days - 1,
       expected.user_id, expected.user_id);
