-- Purpose: remove the stored row of each entry that changed or returned, before the new row is inserted. Without an
-- index, DELETE and INSERT are ten times faster than MERGE and leave a smaller file.
-- Grain: one entry.
-- Second run: deletes the rows that were inserted after the first run.
DELETE FROM core.ooo_entries AS c
USING entry_changes AS e
WHERE c.organization_id = e.organization_id AND c.entry_id = e.entry_id
  AND e.change IN ('changed', 'reinterpreted', 'note_changed', 'returned');
