-- Purpose: one staged row a membership; the later page has the newer version.
-- Grain: one staged membership. A second run deletes nothing.
DELETE FROM staged_team_members WHERE rowid IN (
    SELECT rowid FROM staged_team_members
    QUALIFY row_number() OVER (PARTITION BY membership_id ORDER BY page DESC, rowid DESC) > 1
);
