-- Purpose: List the current members of each team, by name.
-- Grain: one person in one team.
-- Caveats: A person in two teams has two rows. Pending invitations, deleted teams and people who have left are not
--   in the view. It is empty if no teams are read (OOO_TEAMS).
-- Second run: creates the same view again.
-- Columns:
--   organization_id: The id of the Cal.com organization.
--   organization: The name of the organization, or its id if it has no name.
--   team_id: The Cal.com id of the team.
--   team: The name of the team.
--   user_id: The Cal.com id of the person.
--   name: The display name of the person.
--   role: The role as Cal.com names it: MEMBER, ADMIN or OWNER.
CREATE OR REPLACE VIEW team_members AS
SELECT
    m.organization_id, coalesce(o.name, concat('Organization ', o.organization_id)) AS organization,
    m.team_id, t.name AS team, m.user_id, p.name, m.role
FROM dim_team_members AS m
JOIN dim_organizations AS o USING (organization_id)
JOIN dim_teams AS t
    ON t.organization_id = m.organization_id AND t.team_id = m.team_id AND t.deleted_at IS NULL
JOIN dim_people AS p ON p.organization_id = m.organization_id AND p.user_id = m.user_id AND p.left_at IS NULL
WHERE m.is_accepted AND m.left_at IS NULL;
