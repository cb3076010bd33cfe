-- Purpose: how many entries count other days than from their first to their last, or follow more than those.
-- Grain: one row; an offender is an entry. Parameters: none. Reads only.
SELECT count(*) FROM core.ooo_entries
WHERE calendar_days <> greatest(ends_on - starts_on + 1, 0) OR materialized_days NOT BETWEEN 0 AND calendar_days;
