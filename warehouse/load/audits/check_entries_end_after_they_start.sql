-- Purpose: how many live entries end before they start. They are kept, and have no days.
-- Grain: one row; an offender is an entry. Parameters: none. Reads only.
SELECT count(*) FROM core.ooo_entries WHERE deleted_at IS NULL AND ends_on < starts_on;
