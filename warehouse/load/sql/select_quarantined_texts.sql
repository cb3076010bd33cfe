-- Purpose: return the stored texts of entries that failed validation.
-- Grain: one text.
-- Second run: returns the same; the statement only reads.
SELECT DISTINCT raw FROM ops.quarantine WHERE record_kind = 'entry';
