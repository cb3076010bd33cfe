-- Purpose: count the staged teams, memberships and their verdicts. Without one, no row of a team changes.
-- Grain: one row.
-- Second run: returns the same; the statement only reads.
SELECT
    (SELECT count(*) FROM staged_teams)
    + (SELECT count(*) FROM staged_team_members)
    + (
        SELECT count(*) FROM ops.scopes AS o
        SEMI JOIN staged_snapshots AS n ON n.run_id = o.run_id
        WHERE o.scope_kind IN ('teams', 'team')
    );
