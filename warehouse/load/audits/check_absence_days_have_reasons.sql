-- Purpose: how many reasons for which people are absent are not declared.
-- Grain: one row; an offender is a reason. Parameters: none. Reads only.
SELECT count(*) FROM (SELECT DISTINCT reason FROM marts.person_days) ANTI JOIN marts.dim_reasons USING (reason);
