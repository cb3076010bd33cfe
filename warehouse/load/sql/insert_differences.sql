-- Purpose: store every entry that was read org-wide and not per user, or per user and not org-wide, or with other
-- values. A scope without a complete verdict gives no evidence of a missing entry. An entry can have been changed
-- between the two readings, so only a difference that appears again needs an investigation.
-- Grain: one entry of one run.
-- Parameters: $run_id, $organization_pages (a list of the numbers of the pages read org-wide).
-- Second run: would insert the rows again; a run id is applied once.
INSERT INTO ops.differences BY NAME
WITH readings AS (
    SELECT *, page IN (SELECT unnest($organization_pages::INTEGER[])) AS is_org_wide
    FROM staged_entries
    QUALIFY row_number() OVER (PARTITION BY entry_id, is_org_wide ORDER BY page DESC, rowid DESC) = 1
),
complete AS (
    SELECT scope_kind, user_id FROM ops.scopes WHERE run_id = $run_id AND verdict = 'complete'
),
compared AS (
    SELECT
        coalesce(o.organization_id, u.organization_id) AS organization_id,
        coalesce(o.user_id, u.user_id) AS user_id,
        entry_id,
        CASE WHEN u.page IS NULL THEN 'only_org_wide' WHEN o.page IS NULL THEN 'only_per_user' ELSE 'differs' END
            AS difference,
        CASE WHEN o.page IS NOT NULL AND u.page IS NOT NULL THEN concat_ws(', ',
        CASE WHEN o.entry_uuid IS DISTINCT FROM u.entry_uuid THEN 'entry_uuid' END,
        CASE WHEN o.user_id IS DISTINCT FROM u.user_id THEN 'user_id' END,
        CASE WHEN o.covering_user_id IS DISTINCT FROM u.covering_user_id THEN 'covering_user_id' END,
        CASE WHEN o.starts_at_raw IS DISTINCT FROM u.starts_at_raw THEN 'starts_at_raw' END,
        CASE WHEN o.ends_at_raw IS DISTINCT FROM u.ends_at_raw THEN 'ends_at_raw' END,
        CASE WHEN o.reason_raw IS DISTINCT FROM u.reason_raw THEN 'reason_raw' END,
        CASE WHEN o.has_notes IS DISTINCT FROM u.has_notes THEN 'has_notes' END,
        CASE WHEN o.notes IS DISTINCT FROM u.notes THEN 'notes' END) END AS columns
    FROM (FROM readings WHERE is_org_wide) AS o
    FULL JOIN (FROM readings WHERE NOT is_org_wide) AS u USING (entry_id)
)
SELECT $run_id AS run_id, *
FROM compared
WHERE (difference = 'only_org_wide' AND user_id IN (SELECT user_id FROM complete WHERE scope_kind = 'user'))
   OR (difference = 'only_per_user' AND EXISTS (FROM complete WHERE scope_kind = 'organization'))
   OR columns <> '';
