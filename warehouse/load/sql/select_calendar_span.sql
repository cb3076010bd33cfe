-- Purpose: return the first and the last day that the calendar must have: whole years around every day of every
-- version of an entry, and the year before and after that of the snapshot.
-- Grain: one row.
-- Parameters: $observed_at.
-- Second run: returns the same; the statement only reads.
SELECT
    date_trunc('year', least(min(starts_on), $observed_at::DATE - INTERVAL 1 YEAR))::DATE AS first_on,
    (date_trunc('year', greatest(max(starts_on + materialized_days - 1), $observed_at::DATE + INTERVAL 1 YEAR))
        + INTERVAL 1 YEAR - INTERVAL 1 DAY)::DATE AS last_on
FROM core.ooo_entry_history
WHERE materialized_days > 0;
