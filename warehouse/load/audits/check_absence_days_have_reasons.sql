-- Audit: error. Promise: every day of absence has a declared reason.
-- Purpose: count the distinct reasons of days of absence that `marts.dim_reasons` lacks.
-- Grain: one row; an offender is a reason.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM (SELECT DISTINCT reason FROM marts.person_days) ANTI JOIN marts.dim_reasons USING (reason);
