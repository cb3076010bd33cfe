-- Purpose: how many versions came about in a way that is not declared.
-- Grain: one row; an offender is a version. Parameters: none. Reads only.
SELECT count(*) FROM core.ooo_entry_history WHERE change NOT IN ('appeared', 'changed', 'vanished', 'returned');
