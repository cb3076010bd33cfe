-- Audit: error. Promise: every entry has a declared reason.
-- Purpose: count the entries whose reason `marts.dim_reasons` lacks.
-- Grain: one row; an offender is an entry.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.ooo_entries ANTI JOIN marts.dim_reasons USING (reason);
