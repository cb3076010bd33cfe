-- Purpose: Return the leave between from_date and to_date, both inclusive, that was cancelled before it started or
--   while it was running.
-- Grain: one organization and reason.
-- Formula: An entry is cancelled if a person deleted it (deletion_cause is deleted) before its last day was over.
--   deleted_at is the snapshot that proved it. cancelled_days = the number of its days within the range, from the
--   UTC date of deleted_at, or from the first day of the entry if that is later. An entry without such a day does
--   not count. cancelled_before_start = the number of entries that were gone by their first day.
--   cancelled_while_running = the number of the others.
-- Source: none; it is a rule of this program, over its tombstones.
-- Caveats: If a person deletes an entry and makes another one, the first one counts as cancelled. Entries that
--   vanished because their person or their cover left do not count. An entry that returned is not cancelled.
--   Overlapping entries count separately.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO cancelled_leave(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
),
cancelled AS (
    SELECT
        e.organization_id, e.reason, e.user_id, p.calendar,
        e.deleted_at::DATE <= e.starts_on AS is_before,
        greatest(e.starts_on, e.deleted_at::DATE, q.first_on) AS first_on,
        least(e.starts_on + h.materialized_days - 1, q.last_on) AS last_on
    FROM fct_ooo_entries AS e
    JOIN ooo_entry_history AS h
        ON h.organization_id = e.organization_id AND h.entry_id = e.entry_id AND h.valid_to IS NULL
    JOIN dim_people AS p ON p.organization_id = e.organization_id AND p.user_id = e.user_id
    CROSS JOIN asked AS q
    WHERE e.deletion_cause = 'deleted'
)
SELECT
    c.organization_id, c.reason,
    count(*) AS cancelled_entries,
    count(*) FILTER (c.is_before) AS cancelled_before_start,
    count(*) FILTER (NOT c.is_before) AS cancelled_while_running,
    sum(c.last_on - c.first_on + 1)::BIGINT AS cancelled_days,
    sum(z.working_day_number - a.working_day_number + a.is_working_day::INTEGER)::BIGINT AS cancelled_working_days,
    count(DISTINCT c.user_id) AS people
FROM cancelled AS c
JOIN dim_calendar_days AS a ON a.calendar = c.calendar AND a.date_on = c.first_on
JOIN dim_calendar_days AS z ON z.calendar = c.calendar AND z.date_on = c.last_on
JOIN dim_reasons AS r USING (reason)
WHERE c.first_on <= c.last_on
GROUP BY c.organization_id, c.reason, r.sort_order
ORDER BY c.organization_id, r.sort_order;
