-- Purpose: compare the live entries with those of the newest snapshot of an earlier date, for the report pages. An
-- entry is added, moved (other dates) or cancelled (a person deleted it). Entries that ended before the earlier
-- snapshot, and public holidays, are left out.
-- Grain: one entry that differs.
-- Second run: returns the same; the statement only reads.
WITH compared AS (
    SELECT r.organization_id, max(r.started_at) AS since_at
    FROM runs AS r
    JOIN dim_organizations AS o USING (organization_id)
    WHERE r.outcome <> 'failed' AND r.started_at::DATE < o.last_snapshot_at::DATE
    GROUP BY r.organization_id
),
former AS (
    SELECT h.organization_id, h.entry_id, h.starts_on, h.ends_on
    FROM ooo_entry_history AS h
    JOIN compared AS c USING (organization_id)
    WHERE h.valid_from <= c.since_at AND (h.valid_to IS NULL OR h.valid_to > c.since_at)
      AND h.change <> 'vanished' AND h.starts_on <= h.ends_on
),
differing AS (
    SELECT
        e.organization_id, e.user_id, e.entry_id, e.reason, e.starts_on, e.ends_on,
        f.starts_on AS former_starts_on, f.ends_on AS former_ends_on,
        CASE
            WHEN f.entry_id IS NULL AND e.deleted_at IS NULL THEN 'added'
            WHEN f.entry_id IS NOT NULL AND e.deleted_at IS NOT NULL AND e.deletion_cause = 'deleted' THEN 'cancelled'
            WHEN e.deleted_at IS NULL AND (f.starts_on, f.ends_on) <> (e.starts_on, e.ends_on) THEN 'moved'
        END AS change,
        c.since_at
    FROM fct_ooo_entries AS e
    JOIN compared AS c USING (organization_id)
    LEFT JOIN former AS f ON f.organization_id = e.organization_id AND f.entry_id = e.entry_id
    WHERE e.starts_on <= e.ends_on
)
SELECT organization_id, user_id, change, reason, starts_on, ends_on, former_starts_on, former_ends_on
FROM differing
WHERE change IS NOT NULL AND reason <> 'public_holiday'
  AND greatest(ends_on, former_ends_on) >= since_at::DATE
ORDER BY organization_id, change, starts_on, user_id, entry_id;
