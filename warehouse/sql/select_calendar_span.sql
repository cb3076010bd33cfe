-- Purpose: the first and the last day that the calendar has to have: whole years around every day of absence,
-- and the year before and after the snapshot.
-- Grain: one row. Parameters: $observed_at. Reads only.
SELECT
    date_trunc('year', least(min(date_on), $observed_at::DATE - INTERVAL 1 YEAR))::DATE AS first_on,
    (date_trunc('year', greatest(max(date_on), $observed_at::DATE + INTERVAL 1 YEAR))
        + INTERVAL 1 YEAR - INTERVAL 1 DAY)::DATE AS last_on
FROM marts.person_days;
