-- Purpose: return the instant of the organization's latest applied snapshot.
-- Grain: one organization.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads.
SELECT observed_at FROM ops.latest_snapshots WHERE organization_id = $organization_id;
