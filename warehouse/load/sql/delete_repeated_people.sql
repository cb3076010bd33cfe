-- Purpose: keep one staged row per person, that of the latest page.
-- Grain: one staged person.
-- Second run: deletes nothing.
DELETE FROM staged_people WHERE rowid IN (
    SELECT rowid FROM staged_people
    QUALIFY row_number() OVER (PARTITION BY organization_id, user_id ORDER BY page DESC, rowid DESC) > 1
);
