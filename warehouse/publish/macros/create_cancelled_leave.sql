-- Purpose: leave from from_date to to_date, both included, that was cancelled before it began or while it
--   ran.
-- Grain: one organization and reason.
-- Formula: an entry is cancelled if a snapshot proved it gone before its last day was over.
--   cancelled_days = its days within the range from the UTC date on which it was proved gone, or from its
--   first day if that is later; an entry without such a day doesn't count. Before its start = gone by its
--   first day.
-- Source: none: this program's own rule, over its tombstones.
-- Caveats: who deletes an entry and makes another has cancelled the first. Entries that vanished in the
--   snapshot in which their person left the organization are no cancellations. An entry that returned is
--   not cancelled. Overlapping entries count separately.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO cancelled_leave(from_date, to_date) AS TABLE
WITH cancelled AS (
    SELECT
        e.organization_id, e.reason, e.user_id, p.calendar,
        e.deleted_at::DATE <= e.starts_on AS is_before,
        greatest(e.starts_on, e.deleted_at::DATE, from_date::DATE) AS first_on,
        least(e.starts_on + e.materialized_days - 1, to_date::DATE) AS last_on
    FROM fct_ooo_entries AS e
    JOIN dim_people AS p USING (organization_id, user_id)
    WHERE e.deleted_at IS NOT NULL AND p.left_at IS DISTINCT FROM e.deleted_at
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
