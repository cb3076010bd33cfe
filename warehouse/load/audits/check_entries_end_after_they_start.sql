-- Audit: warning. Promise: no live entry ends before it starts.
-- Purpose: count the live entries that end before they start. They are kept, without days.
-- Grain: one row; an offender is an entry.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.ooo_entries WHERE deleted_at IS NULL AND ends_on < starts_on;
