-- Purpose: notes that are not to be stored are not, from whenever they are.
-- Grain: one entry with a note. Parameters: $organization_id. A second run finds none.
UPDATE core.ooo_entries SET notes = NULL
WHERE organization_id = $organization_id AND notes IS NOT NULL;
