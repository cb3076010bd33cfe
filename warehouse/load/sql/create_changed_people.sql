-- Purpose: whose days have to be derived again: the people of every entry that changed, who had it before, and
-- everyone, of whatever organization, for whom another set of days are working days than so far.
-- Grain: one person with the followed days of their live entries. Reads core as applied.
CREATE OR REPLACE TEMP TABLE changed_people AS
WITH people AS (
    SELECT organization_id, user_id FROM entry_changes WHERE change <> 'unchanged'
    UNION
    SELECT organization_id, former_user_id FROM entry_changes
    WHERE change <> 'unchanged' AND former_user_id IS NOT NULL
    UNION
    SELECT organization_id, user_id
    FROM marts.person_calendars AS w
    LEFT JOIN former_calendars AS f USING (organization_id, user_id)
    WHERE w.rules IS DISTINCT FROM f.rules
)
SELECT organization_id, user_id, coalesce(sum(e.materialized_days), 0)::BIGINT AS days
FROM people
LEFT JOIN (FROM core.ooo_entries WHERE deleted_at IS NULL) AS e USING (organization_id, user_id)
GROUP BY organization_id, user_id;
