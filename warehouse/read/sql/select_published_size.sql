-- Purpose: count the published people and live entries of the organization.
-- Grain: one row.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads published tables.
SELECT
    (SELECT count(*) FROM dim_people WHERE organization_id = $organization_id AND left_at IS NULL) AS people,
    (SELECT count(*) FROM fct_ooo_entries WHERE organization_id = $organization_id AND deleted_at IS NULL) AS entries;
