-- Purpose: which ids each scan of entries has proved whole; a complete scan all of them, one that failed the
-- spans beside its gap, one without a proof none.
-- Grain: one span of one scope. Parameters: $run_id. A second run makes the same table again.
CREATE OR REPLACE TEMP TABLE proven_spans AS
SELECT scope_kind, user_id, unnest(proven_spans, recursive := true)
FROM ops.scopes
WHERE run_id = $run_id AND scope_kind IN ('organization', 'user');
