-- Audit: error. Promise: every version has a declared change.
-- Purpose: count the versions whose change is not a declared one.
-- Grain: one row; an offender is a version.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.ooo_entry_history
WHERE change NOT IN ('appeared', 'changed', 'reinterpreted', 'vanished', 'returned');
