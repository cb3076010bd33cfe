-- Purpose: Count the members of each team who are due, absent and present on each day.
-- Grain: one team and day with at least one member, from the first to the last day of absence of the organization.
-- Caveats: A person counts in each of their teams, from member_from_on until they left the team or the organization;
--   Cal.com does not give the day on which a person joined a team. Days after the latest snapshot are planned.
--   The view is empty if no teams are read (OOO_TEAMS). Without a filter on date_on it is large.
-- Second run: creates the same view again.
-- Columns:
--   organization_id: The id of the Cal.com organization.
--   organization: The name of the organization, or its id if it has no name.
--   team_id: The Cal.com id of the team.
--   team: The name of the team.
--   date_on: The day.
--   is_planned: True if the day is after the date of the latest snapshot.
--   people: The number of accepted members of the team on the day.
--   people_due: The number of those for whom the day is a working day.
--   people_absent: The number of those who are due and absent, for any reason except public_holiday.
--   people_sick: The number of those whose reason is sick.
--   people_on_holiday: The number of those who are due and have an entry for a public holiday.
--   people_present: people_due - people_absent - people_on_holiday.
--   share_absent: people_absent / people_due; null if no member is due.
--   absent_names: The names of those who are absent, separated by commas; null if none is.
--   last_present_user_id: The id of the only member who is present while others are not; else null.
--   last_present_name: The display name of that member.
CREATE OR REPLACE VIEW team_days AS
WITH spans AS (
    SELECT
        o.organization_id, coalesce(o.name, concat('Organization ', o.organization_id)) AS organization,
        o.last_snapshot_at::DATE AS snapshot_on,
        min(d.date_on) AS first_on, greatest(max(d.date_on), o.last_snapshot_at::DATE) AS last_on
    FROM dim_organizations AS o
    JOIN fct_absence_days AS d USING (organization_id)
    GROUP BY o.organization_id, o.name, o.last_snapshot_at
),
memberships AS (
    SELECT
        s.organization_id, s.organization, s.snapshot_on, t.team_id, t.name AS team, m.user_id, p.name, p.calendar,
        greatest(p.member_from_on, s.first_on) AS from_on,
        least(p.member_to_on, m.left_at::DATE, t.deleted_at::DATE, s.last_on) AS to_on
    FROM dim_team_members AS m
    JOIN dim_teams AS t USING (organization_id, team_id)
    JOIN dim_people AS p USING (organization_id, user_id)
    JOIN spans AS s USING (organization_id)
    WHERE m.is_accepted
),
days AS (
    SELECT
        m.*, k.date_on, k.is_working_day AS is_due,
        k.is_working_day AND d.user_id IS NOT NULL AND d.reason <> 'public_holiday' AS is_absent,
        k.is_working_day AND coalesce(d.reason = 'sick', false) AS is_sick,
        k.is_working_day AND coalesce(d.reason = 'public_holiday', false) AS is_on_holiday,
        k.is_working_day AND d.user_id IS NULL AS is_present
    FROM memberships AS m
    JOIN dim_calendar_days AS k ON k.calendar = m.calendar AND k.date_on BETWEEN m.from_on AND m.to_on
    LEFT JOIN fct_absence_days AS d
        ON d.organization_id = m.organization_id AND d.user_id = m.user_id AND d.date_on = k.date_on
)
SELECT
    organization_id, any_value(organization) AS organization, team_id, any_value(team) AS team, date_on,
    date_on > any_value(snapshot_on) AS is_planned,
    count(*) AS people,
    count(*) FILTER (is_due) AS people_due,
    count(*) FILTER (is_absent) AS people_absent,
    count(*) FILTER (is_sick) AS people_sick,
    count(*) FILTER (is_on_holiday) AS people_on_holiday,
    count(*) FILTER (is_present) AS people_present,
    count(*) FILTER (is_absent) / nullif(count(*) FILTER (is_due), 0) AS share_absent,
    string_agg(name, ', ' ORDER BY name, user_id) FILTER (is_absent) AS absent_names,
    CASE WHEN count(*) FILTER (is_present) = 1 AND count(*) FILTER (is_absent) > 0
        THEN max(user_id) FILTER (is_present) END AS last_present_user_id,
    CASE WHEN count(*) FILTER (is_present) = 1 AND count(*) FILTER (is_absent) > 0
        THEN max(name) FILTER (is_present) END AS last_present_name
FROM days
GROUP BY organization_id, team_id, date_on;
