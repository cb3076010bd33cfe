-- Audit: error. Promise: every deleted entry has a declared cause, and no live entry has one.
-- Purpose: count the entries whose cause does not fit their state.
-- Grain: one row; an offender is an entry.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.ooo_entries
WHERE CASE WHEN deleted_at IS NULL THEN deletion_cause IS NOT NULL
    ELSE coalesce(deletion_cause NOT IN ('deleted', 'person_left', 'cover_deleted'), true) END;
