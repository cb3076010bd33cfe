-- Purpose: replace the stored text of quarantined entries by the part that may be kept.
-- Grain: one text, of any number of records.
-- Parameters: $raw, $kept.
-- Second run: updates nothing.
UPDATE ops.quarantine SET raw = $kept WHERE record_kind = 'entry' AND raw = $raw;
