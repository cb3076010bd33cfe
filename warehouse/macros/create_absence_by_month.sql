-- Purpose: absence by calendar month and reason from from_date to to_date, both included.
-- Grain: one organization, month (its first day) and reason. A second run makes the same macro again.
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
