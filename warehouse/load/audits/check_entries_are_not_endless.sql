-- Audit: warning. Promise: no live entry is longer than three years.
-- Purpose: count the live entries that are longer than any planned leave. They are kept, with their days.
-- Grain: one row; an offender is an entry.
-- Parameters: $longest_days.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.ooo_entries WHERE deleted_at IS NULL AND calendar_days > $longest_days;
