-- Purpose: list the spans of ids that each scan of entries has proved: all ids for a complete scan, the spans beside
-- its gap for a failed one, none for an unproven one.
-- Grain: one span of one scope.
-- Parameters: $run_id.
-- Second run: creates the same table again.
CREATE OR REPLACE TEMP TABLE proven_spans AS
SELECT scope_kind, user_id, unnest(proven_spans, recursive := true)
FROM ops.scopes
WHERE run_id = $run_id AND scope_kind IN ('organization', 'user');
