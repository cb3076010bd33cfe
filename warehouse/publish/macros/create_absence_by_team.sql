-- Purpose: Return the absence per team between from_date and to_date, both inclusive. Teams without an absence have
--   a row too.
-- Grain: one team that is not deleted.
-- Formula: people = the number of accepted members who have left neither the team nor the organization.
--   people_absent = the number of those with a day of absence. share_absent = people_absent / people. absence_days
--   and absence_working_days = the person-days of these people, each counted once. absence_rate = the
--   lost_time_rate of these people (see lost_time_rate), over their person-time in the organization.
-- Source: the lost time rate of lost_time_rate and the prevalence of peak_absence, per team.
-- Caveats: A person in two teams counts in both, so the teams do not add up to the organization. The current
--   members count for their whole time in the organization. The rate ends with the last snapshot, unless
--   until_snapshot is false; the other columns do not. Pending invitations do not count.
--   It is an error if no teams are loaded (OOO_TEAMS).
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_by_team(from_date, to_date, until_snapshot := true) AS TABLE
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
),
available AS MATERIALIZED (
    FROM person_time(from_date, to_date, until_snapshot := until_snapshot)
),
members AS (
    SELECT m.organization_id, m.team_id, m.user_id, v.available_working_days AS working_days
    FROM dim_team_members AS m
    JOIN dim_people AS p ON p.organization_id = m.organization_id AND p.user_id = m.user_id AND p.left_at IS NULL
    LEFT JOIN available AS v ON v.organization_id = m.organization_id AND v.user_id = m.user_id
    WHERE m.is_accepted AND m.left_at IS NULL
),
absent AS (
    SELECT
        d.organization_id, d.user_id, count(*) AS days, count(*) FILTER (d.is_working_day) AS working_days,
        count(*) FILTER (
            d.is_working_day AND d.reason <> 'public_holiday'
            AND d.date_on BETWEEN v.counted_from_on AND v.counted_to_on
        ) AS lost_days
    FROM fct_absence_days AS d
    JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
    LEFT JOIN available AS v ON v.organization_id = d.organization_id AND v.user_id = d.user_id
    GROUP BY d.organization_id, d.user_id
)
SELECT
    t.organization_id, t.team_id, t.name AS team,
    count(m.user_id) AS people,
    count(a.user_id) AS people_absent,
    count(a.user_id) / nullif(count(m.user_id), 0) AS share_absent,
    coalesce(sum(a.days), 0)::BIGINT AS absence_days,
    coalesce(sum(a.working_days), 0)::BIGINT AS absence_working_days,
    coalesce(sum(a.lost_days), 0)::BIGINT / nullif(sum(m.working_days)::BIGINT, 0) AS absence_rate
FROM dim_teams AS t
LEFT JOIN members AS m ON m.organization_id = t.organization_id AND m.team_id = t.team_id
LEFT JOIN absent AS a ON a.organization_id = m.organization_id AND a.user_id = m.user_id
WHERE t.deleted_at IS NULL
GROUP BY t.organization_id, t.team_id, t.name
ORDER BY t.organization_id, t.team_id;
