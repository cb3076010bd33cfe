-- Purpose: count the people and live entries that the organization had when it was last read.
-- Grain: one row.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads.
SELECT
    (SELECT count(*) FROM core.people WHERE organization_id = $organization_id AND left_at IS NULL) AS people,
    (SELECT count(*) FROM core.ooo_entries WHERE organization_id = $organization_id AND deleted_at IS NULL) AS entries;
