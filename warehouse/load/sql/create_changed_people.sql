-- Purpose: find the people whose days are derived again: the present and the former person of each changed entry,
-- and every person, of any organization, whose calendar has other working days than before.
-- Grain: one person, with the number of materialized days of the person's entries.
-- Second run: creates the same table again, from core as applied.
CREATE OR REPLACE TEMP TABLE changed_people AS
WITH people AS (
    SELECT organization_id, user_id FROM entry_changes WHERE change <> 'note_changed'
    UNION
    SELECT organization_id, former_user_id FROM entry_changes
    WHERE change <> 'note_changed' AND former_user_id IS NOT NULL
    UNION
    SELECT organization_id, user_id
    FROM marts.person_calendars AS w
    LEFT JOIN former_calendars AS f USING (organization_id, user_id)
    WHERE w.rules IS DISTINCT FROM f.rules
)
SELECT organization_id, user_id, coalesce(sum(e.materialized_days), 0)::BIGINT AS days
FROM people
LEFT JOIN marts.counted_entries AS e USING (organization_id, user_id)
GROUP BY organization_id, user_id;
