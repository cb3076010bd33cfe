-- Purpose: one staged row an entry. Anchored pages overlap, so the same entry comes more than once;
-- the later page has the newer version.
-- Grain: one staged entry. A second run deletes nothing.
DELETE FROM staged_entries WHERE rowid IN (
    SELECT rowid FROM staged_entries
    WHERE entry_id IN (SELECT entry_id FROM staged_entries GROUP BY entry_id HAVING count(*) > 1)
    QUALIFY row_number() OVER (PARTITION BY entry_id ORDER BY page DESC, rowid DESC) > 1
);
