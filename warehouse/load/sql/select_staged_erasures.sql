-- Purpose: count the erased people of the organizations that are loaded. Without one, no staged row has to be removed.
-- Grain: one row.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM ops.erased_people AS e
SEMI JOIN staged_snapshots AS n ON n.organization_id = e.organization_id;
