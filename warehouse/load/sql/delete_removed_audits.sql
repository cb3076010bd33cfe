-- Purpose: delete the audits of the runs of an organization that is removed.
-- Grain: one audit of one run.
-- Parameters: $organization_id.
-- Second run: deletes nothing.
DELETE FROM ops.audits WHERE run_id IN (SELECT r.run_id FROM ops.runs AS r WHERE r.organization_id = $organization_id);
