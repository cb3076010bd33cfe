-- Purpose: return the absences of the calendar feeds, with the number of changes of each entry and the latest of them.
--   Public holidays are left out, because they are in the calendar of each country.
-- Grain: one live entry that ends on $from_on or later and starts up to $to_on.
-- Parameters: $from_on, $to_on, $last_on (the last day that a feed can have).
-- Second run: returns the same; the statement only reads.
WITH versions AS (
    SELECT organization_id, entry_id, max(valid_from) AS changed_at, count(*) - 1 AS changes
    FROM ooo.main.ooo_entry_history
    WHERE ends_on >= $from_on
    GROUP BY organization_id, entry_id
)
SELECT
    a.organization_id, a.organization, a.user_id, a.entry_id, coalesce(a.name, concat('User ', a.user_id)) AS name,
    a.reason_label, a.starts_on, least(a.ends_on, $last_on) AS ends_on, v.changed_at, v.changes
FROM ooo.main.absences AS a
JOIN versions AS v USING (organization_id, entry_id)
WHERE a.deletion_cause IS NULL
  AND a.reason <> 'public_holiday'
  AND a.ends_on >= $from_on
  AND a.starts_on BETWEEN DATE '1970-01-01' AND $to_on
ORDER BY a.organization_id, a.starts_on, name, a.entry_id;
