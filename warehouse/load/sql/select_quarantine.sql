-- Purpose: return the quarantined records of an organization that can name a person.
-- Grain: one record.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads.
SELECT rowid AS row_id, record_kind, user_id, raw
FROM ops.quarantine
WHERE organization_id = $organization_id AND record_kind <> 'team';
