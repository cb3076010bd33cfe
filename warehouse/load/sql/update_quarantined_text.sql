-- Purpose: a quarantined record's text is what may be kept of it.
-- Grain: one text, however many records have it. Parameters: $raw, $kept. A second run finds none.
UPDATE ops.quarantine SET raw = $kept WHERE record_kind = 'entry' AND raw = $raw;
