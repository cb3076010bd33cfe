-- Purpose: keep one staged row per team, that of the latest page.
-- Grain: one staged team.
-- Second run: deletes nothing.
DELETE FROM staged_teams WHERE rowid IN (
    SELECT rowid FROM staged_teams
    QUALIFY row_number() OVER (PARTITION BY organization_id, team_id ORDER BY page DESC, rowid DESC) > 1
);
