-- Purpose: Return the entries that overlap the range from from_date to to_date, both inclusive, with the names of
--   the absent person and the cover.
-- Grain: one live entry that overlaps the range.
-- Formula: starts_on <= to_date and ends_on >= from_date. Deleted entries and entries that end before they start
--   are left out.
-- Source: none; it is a list and not a measure.
-- Caveats: Overlapping entries of one person have one row each. The names are the current ones.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO who_is_out(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
)
SELECT
    e.organization_id, e.entry_id, e.user_id, p.name, e.starts_on, e.ends_on, e.reason,
    e.covering_user_id, c.name AS covering_name
FROM fct_ooo_entries AS e
JOIN dim_people AS p USING (organization_id, user_id)
LEFT JOIN dim_people AS c
    ON c.organization_id = e.organization_id AND c.user_id = e.covering_user_id
JOIN asked AS q ON e.starts_on <= q.last_on AND e.ends_on >= q.first_on
WHERE e.deleted_at IS NULL
  AND e.starts_on <= e.ends_on
ORDER BY e.organization_id, e.starts_on, p.name, e.entry_id;
