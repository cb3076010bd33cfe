-- Purpose: absence by calendar month and reason from from_date to to_date, both included.
-- Grain: one organization, month (its first day) and reason.
-- Formula: as absence_by_reason, for each calendar month by itself.
-- Source: as absence_by_reason.
-- Caveats: a month that the range cuts counts only its days within the range; people must not be added up
--   over months. A month and reason without a day has no row.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO absence_by_month(from_date, to_date) AS TABLE
SELECT
    d.organization_id,
    date_trunc('month', d.date_on)::DATE AS month_on,
    d.reason,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(DISTINCT d.user_id) AS people
FROM fct_absence_days AS d
JOIN dim_reasons AS r USING (reason)
WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
GROUP BY d.organization_id, month_on, d.reason, r.sort_order
ORDER BY d.organization_id, month_on, r.sort_order;
