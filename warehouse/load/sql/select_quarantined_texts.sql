-- Purpose: what is kept of the entries that could not be read.
-- Grain: one text. Reads only.
SELECT DISTINCT raw FROM ops.quarantine WHERE record_kind = 'entry';
