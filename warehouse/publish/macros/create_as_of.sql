-- Purpose: the entries from from_date to to_date, both included, as they were known at the instant as_of_at, UTC.
-- Grain: one entry that touched the range, as it was known then.
-- Formula: the version with valid_from <= as_of_at < valid_to, unless it is a tombstone; days_in_range = its
--   calendar days within the range; known_since_at = the snapshot that first showed this version.
-- Source: FOR SYSTEM_TIME AS OF of SQL:2011, over half-open periods of system time.
-- Caveats: nothing is known before the first snapshot, and a change counts from the snapshot that saw it, not
--   from when it was made. Names and work calendars are
--   today's. Entries whose end lies before their start are left out.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO as_of(as_of_at, from_date, to_date) AS TABLE
SELECT
    h.organization_id, h.entry_id, h.user_id, p.name, h.starts_on, h.ends_on, h.calendar_days, h.working_days,
    (least(h.ends_on, to_date::DATE) - greatest(h.starts_on, from_date::DATE) + 1)::INTEGER AS days_in_range,
    h.reason, h.covering_user_id, h.has_notes, h.valid_from AS known_since_at
FROM ooo_entry_history AS h
JOIN dim_people AS p USING (organization_id, user_id)
WHERE h.valid_from <= as_of_at::TIMESTAMP
  AND (h.valid_to IS NULL OR h.valid_to > as_of_at::TIMESTAMP)
  AND h.change <> 'vanished'
  AND h.starts_on <= h.ends_on
  AND h.starts_on <= to_date::DATE
  AND h.ends_on >= from_date::DATE
  AND from_date::DATE <= to_date::DATE
ORDER BY h.organization_id, h.starts_on, h.user_id, h.entry_id;
