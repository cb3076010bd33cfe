-- Purpose: return the instant of the latest applied snapshot of each organization.
-- Grain: one organization, ascending.
-- Second run: returns the same; the statement only reads.
SELECT organization_id, observed_at FROM ops.latest_snapshots ORDER BY organization_id;
