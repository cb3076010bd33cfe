-- Purpose: how many entries have a reason that is not declared.
-- Grain: one row; an offender is an entry. Parameters: none. Reads only.
SELECT count(*) FROM core.ooo_entries ANTI JOIN marts.dim_reasons USING (reason);
