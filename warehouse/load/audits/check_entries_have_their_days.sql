-- Audit: error. Promise: every entry has exactly its days, and a deleted entry has none.
-- Purpose: count the entries that lack a day or have a day too many, see marts.counted_entries.
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
    FROM marts.counted_entries
)
SELECT count(*)
FROM actual FULL JOIN expected USING (organization_id, entry_id)
WHERE (actual.days, actual.first_on, actual.last_on, actual.user_id, actual.other_user_id) IS DISTINCT FROM
      (expected.materialized_days, expected.starts_on, expected.starts_on + expected.materialized_days - 1,
       expected.user_id, expected.user_id);
