-- Purpose: Return the entries that overlap the range from from_date to to_date, both inclusive, for each team of
--   the absent person.
-- Grain: one live entry that overlaps the range, per team of its person.
-- Formula: The rows are those of who_is_out, for each team of the person. The team is not deleted, the membership
--   is accepted and has not ended, and the person has not left the organization.
-- Source: none; it is a list and not a measure.
-- Caveats: The entry of a person in two teams has two rows, and the entry of a person without a team has none. The
--   current members count for the whole range. It is an error if no teams are loaded (OOO_TEAMS).
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO who_is_out_by_team(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN NOT EXISTS (FROM dim_teams)
                THEN error('expected teams, found none; set OOO_TEAMS=true and run ooo sync')
                WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
)
SELECT
    e.organization_id, m.team_id, t.name AS team, e.entry_id, e.user_id, p.name, e.starts_on, e.ends_on,
    e.reason, e.covering_user_id, c.name AS covering_name
FROM fct_ooo_entries AS e
JOIN dim_people AS p ON p.organization_id = e.organization_id AND p.user_id = e.user_id AND p.left_at IS NULL
JOIN dim_team_members AS m
    ON m.organization_id = e.organization_id AND m.user_id = e.user_id AND m.is_accepted AND m.left_at IS NULL
JOIN dim_teams AS t
    ON t.organization_id = m.organization_id AND t.team_id = m.team_id AND t.deleted_at IS NULL
LEFT JOIN dim_people AS c
    ON c.organization_id = e.organization_id AND c.user_id = e.covering_user_id
JOIN asked AS q ON e.starts_on <= q.last_on AND e.ends_on >= q.first_on
WHERE e.deleted_at IS NULL
  AND e.starts_on <= e.ends_on
ORDER BY e.organization_id, m.team_id, e.starts_on, p.name, e.entry_id;
