-- Purpose: whose days have to be derived again: the people of every entry that changed, and who had it before.
-- Grain: one person with the days of their live entries. Parameters: $organization_id. Reads core as applied.
CREATE OR REPLACE TEMP TABLE changed_people AS
WITH people AS (
    SELECT user_id FROM entry_changes WHERE change <> 'unchanged'
    UNION
    SELECT former_user_id FROM entry_changes WHERE change <> 'unchanged' AND former_user_id IS NOT NULL
)
SELECT p.user_id, coalesce(sum(e.calendar_days), 0)::BIGINT AS days
FROM people AS p
LEFT JOIN core.ooo_entries AS e
    ON e.user_id = p.user_id AND e.organization_id = $organization_id AND e.deleted_at IS NULL
GROUP BY p.user_id;
