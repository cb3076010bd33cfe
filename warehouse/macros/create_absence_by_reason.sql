-- Purpose: absence by reason from from_date to to_date, both included; a person and day counts once.
-- Grain: one organization and reason. A second run makes the same macro again.
CREATE OR REPLACE MACRO absence_by_reason(from_date, to_date) AS TABLE
SELECT
    d.organization_id, d.reason, r.label,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(DISTINCT d.user_id) AS people
FROM fct_absence_days AS d
JOIN dim_reasons AS r USING (reason)
WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
GROUP BY d.organization_id, d.reason, r.label, r.sort_order
ORDER BY d.organization_id, r.sort_order;
