-- Purpose: Return the entries that overlap the range from from_date to to_date, both inclusive, as they were known
--   at the instant as_of_at, UTC.
-- Grain: one entry whose version of that instant overlaps the range.
-- Formula: The version with valid_from <= as_of_at < valid_to counts, unless it is a tombstone. days_in_range = the
--   number of its calendar days within the range. known_since_at = the snapshot that first showed this version.
-- Source: FOR SYSTEM_TIME AS OF in SQL:2011, over half-open periods of system time.
-- Caveats: There are no versions before the first snapshot. A change counts from the snapshot that showed it, not
--   from the time at which it was made. Names and work calendars are the current ones. Entries that end before they
--   start are left out.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO as_of(as_of_at, from_date, to_date) AS TABLE
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
    h.organization_id, h.entry_id, h.user_id, p.name, h.starts_on, h.ends_on, h.calendar_days, h.working_days,
    (least(h.ends_on, q.last_on) - greatest(h.starts_on, q.first_on) + 1)::INTEGER AS days_in_range,
    h.reason, h.covering_user_id, h.has_notes, h.valid_from AS known_since_at
FROM ooo_entry_history AS h
JOIN dim_people AS p USING (organization_id, user_id)
JOIN asked AS q ON h.starts_on <= q.last_on AND h.ends_on >= q.first_on
WHERE h.valid_from <= as_of_at::TIMESTAMP
  AND (h.valid_to IS NULL OR h.valid_to > as_of_at::TIMESTAMP)
  AND h.change <> 'vanished'
  AND h.starts_on <= h.ends_on
ORDER BY h.organization_id, h.starts_on, h.user_id, h.entry_id;
