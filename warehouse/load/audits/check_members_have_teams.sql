-- Purpose: how many memberships are of a team that is not known.
-- Grain: one row; an offender is a membership. Parameters: none. Reads only.
SELECT count(*) FROM core.team_members ANTI JOIN core.teams USING (organization_id, team_id);
