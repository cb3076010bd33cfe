-- Purpose: keep one staged row per entry, that of the latest page. Anchored pages overlap, so an entry can be read
-- more than once.
-- Grain: one staged entry.
-- Second run: deletes nothing.
DELETE FROM staged_entries WHERE rowid IN (
    SELECT s.rowid FROM staged_entries AS s
    SEMI JOIN (
        SELECT organization_id, entry_id FROM staged_entries
        GROUP BY organization_id, entry_id
        HAVING count(*) > 1
    ) AS repeated ON repeated.organization_id = s.organization_id AND repeated.entry_id = s.entry_id
    QUALIFY row_number() OVER (PARTITION BY s.organization_id, s.entry_id ORDER BY s.page DESC, s.rowid DESC) > 1
);
