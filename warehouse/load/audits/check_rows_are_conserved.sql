-- Purpose: how many runs have not accounted for every row that they read.
-- Grain: one row; an offender is a run. Parameters: none. Reads only.
SELECT count(*) FROM ops.runs
WHERE rows_in <> rows_inserted + rows_updated + rows_unchanged + rows_quarantined
   OR least(rows_in, rows_inserted, rows_updated, rows_unchanged, rows_quarantined, rows_deleted) < 0;
