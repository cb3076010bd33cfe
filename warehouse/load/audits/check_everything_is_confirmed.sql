-- Audit: warning. Promise: the latest snapshots confirm every person and live entry.
-- Purpose: count the people and live entries that the latest snapshot of their organization could not confirm. Those of
-- stale organizations are not counted, because another audit counts these organizations.
-- Grain: one row; an offender is a person or an entry.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM (
    SELECT organization_id FROM marts.dim_people WHERE is_stale
    UNION ALL SELECT organization_id FROM marts.fct_ooo_entries WHERE is_stale
) AS s
WHERE s.organization_id NOT IN (SELECT o.organization_id FROM marts.attempted_organizations AS o WHERE o.is_stale);
