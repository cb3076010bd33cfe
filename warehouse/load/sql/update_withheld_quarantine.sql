-- Purpose: replace the texts of quarantined records whose person cannot be read.
-- Grain: one record.
-- Parameters: $row_ids (a list), $withheld.
-- Second run: updates the same rows to the same text.
UPDATE ops.quarantine SET raw = $withheld WHERE list_contains($row_ids::BIGINT[], rowid);
