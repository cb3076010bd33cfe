-- Purpose: return the events of the calendar feeds: one feed for each organization (team_id is null) and each team.
--   Public holidays are left out, because they are in the calendar of each country. The changes of an entry are
--   counted, and the latest of them is the time of the event.
-- Grain: one feed, person and live entry that ends on $from_on or later and starts up to $to_on. A person without such
--   an entry has one row without an entry.
-- Parameters: $from_on, $to_on, $last_on (the last day that a feed can have), $min_people and $max_people (the bounds
--   of the number of people in a feed).
-- Second run: returns the same; the statement only reads.
WITH people AS (
    SELECT organization_id, NULL::BIGINT AS team_id, organization AS title, user_id FROM ooo.main.members
    UNION ALL
    SELECT organization_id, team_id, coalesce(team, concat('Team ', team_id)), user_id FROM ooo.main.team_members
),

feeds AS (
    SELECT * FROM people
    QUALIFY count(*) OVER (PARTITION BY organization_id, team_id) BETWEEN $min_people AND $max_people
),

versions AS (
    SELECT organization_id, entry_id, max(valid_from) AS changed_at, count(*) - 1 AS changes
    FROM ooo.main.ooo_entry_history
    WHERE ends_on >= $from_on
    GROUP BY organization_id, entry_id
),

events AS (
    SELECT
        a.organization_id, a.user_id, a.entry_id, coalesce(a.name, concat('User ', a.user_id)) AS name, a.reason_label,
        a.starts_on, least(a.ends_on, $last_on) AS ends_on, v.changed_at, v.changes
    FROM ooo.main.absences AS a
    JOIN versions AS v USING (organization_id, entry_id)
    WHERE a.deletion_cause IS NULL
      AND a.reason <> 'public_holiday'
      AND a.ends_on >= $from_on
      AND a.starts_on BETWEEN DATE '1970-01-01' AND $to_on
)

SELECT
    f.organization_id, f.team_id, f.title, e.entry_id, e.name, e.reason_label, e.starts_on, e.ends_on, e.changed_at,
    e.changes
FROM feeds AS f
LEFT JOIN events AS e ON e.organization_id = f.organization_id AND e.user_id = f.user_id
ORDER BY f.organization_id, f.team_id NULLS FIRST, e.starts_on, e.name, e.entry_id;
