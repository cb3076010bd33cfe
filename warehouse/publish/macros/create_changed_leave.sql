-- Purpose: Compare the entries that start between from_date and to_date, both inclusive, with the first versions of
--   these entries.
-- Grain: one organization and reason.
-- Formula: The current dates are compared with those of the first version, which follow from its raw instants by the
--   current day rule (see date_rule). A version that only the day rule changed (reinterpreted) is therefore no change.
--   shortened_entries = the number of entries with fewer calendar days, extended_entries = with more, moved_entries =
--   with as many on other dates. added_days = the sum of the current calendar days minus those of the first version.
-- Source: none; it is a rule of this program, over ooo_entry_history.
-- Caveats: The first version is that of the first snapshot, so earlier changes are not known. Two changes between
--   two runs count as one. The current reason counts. Deleted entries (see cancelled_leave) and entries that end
--   before they start are left out.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO changed_leave(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
),
first_versions AS (
    SELECT
        organization_id, entry_id,
        CASE WHEN is_nearest THEN (starts_at_raw + INTERVAL 12 HOUR)::DATE ELSE starts_on END AS starts_on,
        CASE WHEN is_nearest THEN (ends_at_raw + INTERVAL 1 MILLISECOND + INTERVAL 12 HOUR)::DATE - 1 ELSE ends_on END
            AS ends_on
    FROM (
        SELECT
            *,
            NOT is_day_aligned AND days >= 1 AND abs(milliseconds - days * 86400000) <= 3601000 AS is_nearest
        FROM (
            SELECT *, round(milliseconds / 86400000) AS days
            FROM (
                SELECT *, date_diff('millisecond', starts_at_raw, ends_at_raw) AS milliseconds
                FROM ooo_entry_history
                WHERE change = 'appeared'
            )
        )
    )
),
entries AS (
    SELECT
        e.organization_id, e.reason, e.user_id,
        e.starts_on <> h.starts_on OR e.ends_on <> h.ends_on AS is_changed,
        e.calendar_days - greatest(h.ends_on - h.starts_on + 1, 0) AS added_days
    FROM fct_ooo_entries AS e
    JOIN first_versions AS h USING (organization_id, entry_id)
    JOIN asked AS q ON e.starts_on BETWEEN q.first_on AND q.last_on
    WHERE e.deleted_at IS NULL
      AND e.starts_on <= e.ends_on
)
SELECT
    e.organization_id, e.reason,
    count(*) AS entries,
    count(*) FILTER (e.is_changed AND e.added_days < 0) AS shortened_entries,
    count(*) FILTER (e.is_changed AND e.added_days > 0) AS extended_entries,
    count(*) FILTER (e.is_changed AND e.added_days = 0) AS moved_entries,
    count(*) FILTER (e.is_changed) / count(*) AS share_changed,
    sum(e.added_days)::BIGINT AS added_days,
    count(DISTINCT e.user_id) AS people
FROM entries AS e
JOIN dim_reasons AS r USING (reason)
GROUP BY e.organization_id, e.reason, r.sort_order
ORDER BY e.organization_id, r.sort_order;
