-- Purpose: remove all notes, of every organization and of any age.
-- Grain: one entry with a note.
-- Second run: updates nothing.
UPDATE core.ooo_entries SET notes = NULL WHERE notes IS NOT NULL;
