-- Purpose: how many scopes have a verdict that is not declared, or name a user where they should not.
-- Grain: one row; an offender is a scope. Parameters: none. Reads only.
SELECT count(*) FROM ops.scopes
WHERE verdict NOT IN ('complete', 'unproven', 'failed') OR (scope_kind = 'user' AND user_id IS NULL);
