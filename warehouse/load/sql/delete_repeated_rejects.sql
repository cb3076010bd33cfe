-- Purpose: keep one staged row per rejected record that has an id, that of the latest page.
-- Grain: one staged reject.
-- Second run: deletes nothing.
DELETE FROM staged_rejects WHERE record_id IS NOT NULL AND rowid IN (
    SELECT rowid FROM staged_rejects
    QUALIFY row_number() OVER (PARTITION BY organization_id, record_kind, record_id ORDER BY page DESC, rowid DESC) > 1
);
