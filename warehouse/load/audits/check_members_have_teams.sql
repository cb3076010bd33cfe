-- Audit: error. Promise: every membership has its team.
-- Purpose: count the memberships of teams that have no row in `core.teams`.
-- Grain: one row; an offender is a membership.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.team_members ANTI JOIN core.teams USING (organization_id, team_id);
