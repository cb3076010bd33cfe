-- Purpose: Return the absence per calendar month and reason between from_date and to_date, both inclusive.
-- Grain: one organization, month (as its first day) and reason.
-- Formula: as in absence_by_reason, for each calendar month.
-- Source: as in absence_by_reason.
-- Caveats: If the range starts or ends within a month, only the days within the range count. The numbers of people
--   of several months must not be added up. A month and reason without a day of absence has no row.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_by_month(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
)
SELECT
    d.organization_id,
    date_trunc('month', d.date_on)::DATE AS month_on,
    d.reason,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(DISTINCT d.user_id) AS people
FROM fct_absence_days AS d
JOIN dim_reasons AS r USING (reason)
JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
GROUP BY d.organization_id, month_on, d.reason, r.sort_order
ORDER BY d.organization_id, month_on, r.sort_order;
