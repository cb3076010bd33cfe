-- Purpose: keep one staged row per entry, that of the latest page. Anchored pages overlap, so an entry can be read
-- more than once.
-- Grain: one staged entry.
-- Second run: deletes nothing.
DELETE FROM staged_entries WHERE rowid IN (
    SELECT rowid FROM staged_entries
    WHERE entry_id IN (SELECT entry_id FROM staged_entries GROUP BY entry_id HAVING count(*) > 1)
    QUALIFY row_number() OVER (PARTITION BY entry_id ORDER BY page DESC, rowid DESC) > 1
);
