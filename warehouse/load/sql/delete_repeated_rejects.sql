-- Purpose: one staged row a rejected record that has an id.
-- Grain: one staged reject. A second run deletes nothing.
DELETE FROM staged_rejects WHERE record_id IS NOT NULL AND rowid IN (
    SELECT rowid FROM staged_rejects
    QUALIFY row_number() OVER (PARTITION BY record_kind, record_id ORDER BY page DESC, rowid DESC) > 1
);
