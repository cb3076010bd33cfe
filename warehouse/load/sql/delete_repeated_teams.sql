-- Purpose: one staged row a team; the later page has the newer version.
-- Grain: one staged team. A second run deletes nothing.
DELETE FROM staged_teams WHERE rowid IN (
    SELECT rowid FROM staged_teams
    QUALIFY row_number() OVER (PARTITION BY team_id ORDER BY page DESC, rowid DESC) > 1
);
