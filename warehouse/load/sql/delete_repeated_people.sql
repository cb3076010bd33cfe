-- Purpose: one staged row a person; the later page has the newer version.
-- Grain: one staged person. A second run deletes nothing.
DELETE FROM staged_people WHERE rowid IN (
    SELECT rowid FROM staged_people
    QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY page DESC, rowid DESC) > 1
);
