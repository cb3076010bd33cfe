-- Purpose: whose days have to be derived again, because who covered for them is erased: as if their entries
-- had changed.
-- Grain: one entry. Parameters: $organization_id, $user_id. A second run, after the erasure, finds none.
CREATE OR REPLACE TEMP TABLE entry_changes AS
SELECT organization_id, entry_id, user_id, user_id AS former_user_id, 'changed' AS change
FROM core.ooo_entries
WHERE organization_id = $organization_id AND covering_user_id = $user_id;
