-- Purpose: how many live entries are longer than anyone plans. They are kept, and their days are followed.
-- Grain: one row; an offender is an entry. Parameters: $longest_days. Reads only.
SELECT count(*) FROM core.ooo_entries WHERE deleted_at IS NULL AND calendar_days > $longest_days;
