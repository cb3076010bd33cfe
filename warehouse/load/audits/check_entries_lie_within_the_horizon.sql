-- Purpose: how many live entries begin or end beyond the horizon of the calendar: a slip in a year.
-- They are kept as they are.
-- Grain: one row; an offender is an entry. Parameters: $horizon_first_on, $horizon_last_on. Reads only.
SELECT count(*) FROM core.ooo_entries
WHERE deleted_at IS NULL
  AND (least(starts_on, ends_on) < $horizon_first_on OR greatest(starts_on, ends_on) > $horizon_last_on);
