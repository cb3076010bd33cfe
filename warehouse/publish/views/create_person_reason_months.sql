-- Purpose: Count the days of absence of each person by reason and month, as payroll needs them.
-- Grain: one person, month and reason with at least one day of absence.
-- Caveats: Overlapping entries count once per day, under the first reason by dim_reasons.sort_order. The days of
--   people who left are counted up to their departure. Names and teams are the current ones.
-- Second run: creates the same view again.
-- Columns:
--   organization_id: The id of the Cal.com organization.
--   organization: The name of the organization, or its id if it has no name.
--   user_id: The id of the absent person.
--   name: The display name of the absent person.
--   email: The e-mail address; null if the person is known only from entries.
--   teams: The names of the current teams of the person, separated by commas; null without a team.
--   month_on: The first day of the month.
--   reason: The reason code, see dim_reasons.
--   reason_label: The reason in words.
--   absence_days: The number of days of absence in the month.
--   absence_working_days: The number of those that are working days in the work calendar of the person.
--   taken_working_days: The number of working days up to the date of the latest snapshot.
--   planned_working_days: The number of working days after the date of the latest snapshot.
CREATE OR REPLACE VIEW person_reason_months AS
SELECT
    d.organization_id, any_value(coalesce(o.name, concat('Organization ', o.organization_id))) AS organization,
    d.user_id, any_value(p.name) AS name, any_value(p.email) AS email, any_value(t.teams) AS teams,
    date_trunc('month', d.date_on)::DATE AS month_on, d.reason, any_value(r.label) AS reason_label,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(*) FILTER (d.is_working_day AND d.date_on <= o.last_snapshot_at::DATE) AS taken_working_days,
    count(*) FILTER (d.is_working_day AND d.date_on > o.last_snapshot_at::DATE) AS planned_working_days
FROM fct_absence_days AS d
JOIN dim_organizations AS o USING (organization_id)
JOIN dim_people AS p USING (organization_id, user_id)
JOIN dim_reasons AS r USING (reason)
LEFT JOIN (
    SELECT organization_id, user_id, string_agg(team, ', ' ORDER BY team, team_id) AS teams
    FROM team_members
    GROUP BY organization_id, user_id
) AS t ON t.organization_id = d.organization_id AND t.user_id = d.user_id
GROUP BY d.organization_id, d.user_id, date_trunc('month', d.date_on), d.reason;
