-- Purpose: notes that are not to be stored are not, from whenever and of whichever organization they are.
-- Grain: one entry with a note. A second run finds none.
UPDATE core.ooo_entries SET notes = NULL WHERE notes IS NOT NULL;
