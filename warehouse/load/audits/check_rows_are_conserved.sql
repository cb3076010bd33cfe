-- Audit: error. Promise: every row read is inserted, updated, unchanged or quarantined.
-- Purpose: count the runs whose changes do not add up to the rows read, or that have a negative count.
-- Grain: one row; an offender is a run.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM ops.runs
WHERE rows_in <> rows_inserted + rows_updated + rows_unchanged + rows_quarantined
   OR least(rows_in, rows_inserted, rows_updated, rows_unchanged, rows_quarantined, rows_deleted) < 0;
