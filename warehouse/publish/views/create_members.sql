-- Purpose: List the people who are in the organization, with their teams.
-- Grain: one person who has not left.
-- Caveats: The names of the teams are in one text. To group by team, use team_members.
-- Second run: creates the same view again.
-- Columns:
--   organization_id: The id of the Cal.com organization.
--   organization: The name of the organization, or its id if it has no name.
--   user_id: The Cal.com id of the person.
--   name: The display name of the person.
--   email: The e-mail address; null if the person is known only from entries.
--   teams: The names of the teams of the person, separated by commas; null without a team.
--   calendar: The work calendar of the person, see dim_calendars.
--   member_from_on: The first day of membership: the creation of the account, or the first entry if it is earlier.
CREATE OR REPLACE VIEW members AS
SELECT
    p.organization_id, coalesce(o.name, concat('Organization ', o.organization_id)) AS organization,
    p.user_id, p.name, p.email, t.teams, p.calendar, p.member_from_on
FROM dim_people AS p
JOIN dim_organizations AS o USING (organization_id)
LEFT JOIN (
    SELECT organization_id, user_id, string_agg(team, ', ' ORDER BY team, team_id) AS teams
    FROM team_members
    GROUP BY organization_id, user_id
) AS t ON t.organization_id = p.organization_id AND t.user_id = p.user_id
WHERE p.left_at IS NULL;
