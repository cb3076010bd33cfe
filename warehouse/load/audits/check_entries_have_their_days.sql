-- Purpose: how many live entries lack a day of theirs or have another's, and how many others have days.
-- Keys are unique (another audit), so days that are as many as are followed, and reach from the first to the last
-- of those, are just those.
-- Grain: one row; an offender is an entry. Parameters: none. Reads only.
WITH days AS (
    SELECT
        organization_id, entry_id, count(*) AS days, min(date_on) AS first_on, max(date_on) AS last_on,
        min(user_id) AS user_id, max(user_id) AS other_user_id
    FROM marts.fct_entry_days
    GROUP BY organization_id, entry_id
),
followed AS (
    SELECT organization_id, entry_id, user_id, starts_on, materialized_days
    FROM core.ooo_entries
    WHERE deleted_at IS NULL AND materialized_days > 0
)
SELECT count(*)
FROM days FULL JOIN followed USING (organization_id, entry_id)
WHERE (days.days, days.first_on, days.last_on, days.user_id, days.other_user_id) IS DISTINCT FROM
      (followed.materialized_days, followed.starts_on, followed.starts_on + followed.materialized_days - 1,
       followed.user_id, followed.user_id);
