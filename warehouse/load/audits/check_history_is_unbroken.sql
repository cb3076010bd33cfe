-- Audit: error. Promise: versions follow each other without a gap or an overlap.
-- Purpose: count the versions that do not end when the next one begins, or that end before they begin. Most entries
-- have one version, so only entries with a closed version are sorted.
-- Grain: one row; an offender is a version.
-- Second run: returns the same; the statement only reads.
WITH changed AS (
    SELECT DISTINCT organization_id, entry_id FROM core.ooo_entry_history WHERE valid_to IS NOT NULL
),
versions AS (
    SELECT
        h.valid_from, h.valid_to,
        lead(h.valid_from) OVER (PARTITION BY h.organization_id, h.entry_id ORDER BY h.valid_from) AS next_from
    FROM core.ooo_entry_history AS h
    SEMI JOIN changed USING (organization_id, entry_id)
)
SELECT count(*) FROM versions WHERE valid_to IS DISTINCT FROM next_from OR valid_to <= valid_from;
