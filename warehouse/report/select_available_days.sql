-- Purpose: the working days that people could work, by day, for the report page: the denominator of absence_rate.
-- Grain: one organization and day. Parameters: $first_on, $last_on (both included). Reads only.
SELECT p.organization_id, t.date_on, count(*) AS available_working_days
FROM dim_people AS p
CROSS JOIN dim_dates AS t
WHERE p.left_at IS NULL AND NOT t.is_weekend AND t.date_on BETWEEN $first_on AND $last_on
GROUP BY p.organization_id, t.date_on
ORDER BY p.organization_id, t.date_on;
