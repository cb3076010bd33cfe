-- Purpose: when the organization's latest applied snapshot was taken.
-- Grain: one organization. Parameters: $organization_id. Reads only.
SELECT observed_at FROM ops.latest_snapshots WHERE organization_id = $organization_id;
