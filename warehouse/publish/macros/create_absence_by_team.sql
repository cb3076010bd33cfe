-- Purpose: Return the absence per team between from_date and to_date, both inclusive. Teams without an absence have
--   a row too.
-- Grain: one team that is not deleted.
-- Formula: people = the number of accepted members who have left neither the team nor the organization.
--   people_absent = the number of those with a day of absence. share_absent = people_absent / people. absence_days
--   and absence_working_days = the person-days of these people, each counted once. absence_rate = the working days
--   that these people lost, without public holidays / the working days in their work calendars, as in absence_rate.
-- Source: the lost time rate of absence_rate and the prevalence of peak_absence, per team.
-- Caveats: A person in two teams counts in both, so the teams do not add up to the organization. The current
--   members count for the whole range. Pending invitations do not count. There are no rows unless OOO_TEAMS is on.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_by_team(from_date, to_date) AS TABLE
WITH calendars AS (
    SELECT calendar, count(*) FILTER (is_working_day) AS working_days
    FROM dim_calendar_days
    WHERE date_on BETWEEN from_date::DATE AND to_date::DATE
    GROUP BY calendar
),
members AS (
    SELECT m.organization_id, m.team_id, m.user_id, c.working_days
    FROM dim_team_members AS m
    JOIN dim_people AS p ON p.organization_id = m.organization_id AND p.user_id = m.user_id AND p.left_at IS NULL
    LEFT JOIN calendars AS c ON c.calendar = p.calendar
    WHERE m.is_accepted AND m.left_at IS NULL
),
absent AS (
    SELECT
        organization_id, user_id, count(*) AS days, count(*) FILTER (is_working_day) AS working_days,
        count(*) FILTER (is_working_day AND reason <> 'public_holiday') AS lost_days
    FROM fct_absence_days
    WHERE date_on BETWEEN from_date::DATE AND to_date::DATE
    GROUP BY organization_id, user_id
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
