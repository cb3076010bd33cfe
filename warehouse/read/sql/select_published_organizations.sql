-- Purpose: return every organization that a run has tried to read. An older publication has fewer columns.
-- Grain: one organization, ascending.
-- Second run: returns the same; the statement only reads.
FROM dim_organizations ORDER BY organization_id;
