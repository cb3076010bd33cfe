-- Purpose: delete quarantined records that name the person.
-- Grain: one record.
-- Parameters: $row_ids (a list).
-- Second run: deletes nothing, because select_quarantine then returns none of them.
DELETE FROM ops.quarantine WHERE list_contains($row_ids::BIGINT[], rowid);
