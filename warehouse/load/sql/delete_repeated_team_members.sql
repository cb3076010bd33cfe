-- Purpose: keep one staged row per membership, that of the latest page.
-- Grain: one staged membership.
-- Second run: deletes nothing.
DELETE FROM staged_team_members WHERE rowid IN (
    SELECT rowid FROM staged_team_members
    QUALIFY row_number() OVER (PARTITION BY organization_id, membership_id ORDER BY page DESC, rowid DESC) > 1
);
