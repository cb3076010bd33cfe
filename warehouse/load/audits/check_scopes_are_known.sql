-- Audit: error. Promise: every scope has a declared kind and verdict, and its user or team if it has one.
-- Purpose: count the scopes whose kind or verdict is not a declared one, the scopes of kind `user` without a user or
-- `team` without a team, and the scopes that name a user or a team though their kind has none.
-- Grain: one row; an offender is a scope.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM ops.scopes
WHERE verdict NOT IN ('complete', 'unproven', 'failed')
   OR scope_kind NOT IN ('users', 'organization', 'user', 'teams', 'team')
   OR (scope_kind = 'user') <> (user_id IS NOT NULL)
   OR (scope_kind = 'team') <> (team_id IS NOT NULL);
