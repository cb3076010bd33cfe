-- Audit: warning. Promise: every live entry is stored as whole days.
-- Purpose: count the live entries that old versions of Cal.com stored in a server's local time. Their dates are those
-- of the nearest midnights, or the date parts if the span is not a whole number of days.
-- Grain: one row; an offender is an entry.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.ooo_entries WHERE deleted_at IS NULL AND date_rule <> 'day_aligned';
