-- Audit: warning. Promise: no live entry lies beyond the calendar's horizon.
-- Purpose: count the live entries that start or end outside the horizon of the calendar, as after a mistyped year.
-- They are kept unchanged.
-- Grain: one row; an offender is an entry.
-- Parameters: $horizon_first_on, $horizon_last_on (both included).
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.ooo_entries
WHERE deleted_at IS NULL
  AND (least(starts_on, ends_on) < $horizon_first_on OR greatest(starts_on, ends_on) > $horizon_last_on);
