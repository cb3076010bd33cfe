-- Purpose: list the spans of ids that each scan of entries has proved: all ids for a complete scan, the spans beside
-- its gap for a failed one, none for an unproven one.
-- Grain: one span of one scope.
-- Second run: creates the same table again.
CREATE OR REPLACE TEMP TABLE proven_spans AS
SELECT organization_id, o.scope_kind, o.user_id, unnest(o.proven_spans, recursive := true)
FROM ops.scopes AS o
SEMI JOIN staged_snapshots AS n USING (organization_id, run_id)
WHERE o.scope_kind IN ('organization', 'user');
