-- Purpose: find the entries that an erased person covers, as if they had changed: the days of their people are
-- derived again.
-- Grain: one entry.
-- Parameters: $organization_id, $user_id.
-- Second run: creates an empty table, because the erasure has removed the cover.
CREATE OR REPLACE TEMP TABLE entry_changes AS
SELECT organization_id, entry_id, user_id, user_id AS former_user_id, 'changed' AS change
FROM core.ooo_entries
WHERE organization_id = $organization_id AND covering_user_id = $user_id;
