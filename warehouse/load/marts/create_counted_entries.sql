-- Purpose: list the entries that have days, with the number of their days. A live entry has all its materialized
-- days. An entry that vanished because its person left, or because its cover was deleted, keeps its days up to the
-- date of the snapshot that proved it: what happened stays counted. An entry that a person deleted has no days.
-- Grain: one entry with at least one day.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.counted_entries AS
SELECT * FROM (
    SELECT
        organization_id, entry_id, user_id, covering_user_id, starts_on, reason,
        CASE
            WHEN deleted_at IS NULL THEN materialized_days
            WHEN deletion_cause IN ('person_left', 'cover_deleted')
            THEN greatest(least(materialized_days, deleted_at::DATE - starts_on + 1), 0)
            ELSE 0
        END::INTEGER AS materialized_days
    FROM core.ooo_entries
)
WHERE materialized_days > 0;
