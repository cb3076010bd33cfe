-- Purpose: how entries that start from from_date to to_date, both included, differ from when they were
--   first seen.
-- Grain: one organization and reason.
-- Formula: the dates of now against those of the entry's first version: shortened = fewer calendar days,
--   extended = more, moved = as many on other dates; added_days = the sum of calendar days now less those
--   then.
-- Source: none: this program's own rule, over ooo_entry_history.
-- Caveats: the first version is that of the first snapshot, so what changed before it is not known, and
--   two changes between two runs are one. The reason is that of now. Deleted and reversed entries are
--   left out, see cancelled_leave.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO changed_leave(from_date, to_date) AS TABLE
WITH entries AS (
    SELECT
        e.organization_id, e.reason, e.user_id,
        e.starts_on <> h.starts_on OR e.ends_on <> h.ends_on AS is_changed,
        e.calendar_days - h.calendar_days AS added_days
    FROM fct_ooo_entries AS e
    JOIN ooo_entry_history AS h
        ON h.organization_id = e.organization_id AND h.entry_id = e.entry_id AND h.change = 'appeared'
    WHERE e.deleted_at IS NULL
      AND e.starts_on <= e.ends_on
      AND e.starts_on BETWEEN from_date::DATE AND to_date::DATE
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
