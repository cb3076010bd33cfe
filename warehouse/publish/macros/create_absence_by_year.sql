-- Purpose: absence by calendar year and reason from from_date to to_date, both included.
-- Grain: one organization, year and reason.
-- Formula: as absence_by_reason, for each year by itself; average_people_absent = absence_days /
--   calendar_days, the days of the year within the range.
-- Source: as absence_by_reason; the average is the mean point prevalence of epidemiology.
-- Caveats: compare years by average_people_absent if the range cuts one. A headcount that grows makes it
--   grow too. A year and reason without a day has no row.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO absence_by_year(from_date, to_date) AS TABLE
WITH calendar AS (
    SELECT year(date_on) AS year, count(*) AS calendar_days
    FROM (SELECT unnest(generate_series(from_date::DATE, to_date::DATE, INTERVAL 1 DAY)) AS date_on)
    GROUP BY 1
)
SELECT
    d.organization_id, c.year::INTEGER AS year, d.reason,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(DISTINCT d.user_id) AS people,
    c.calendar_days,
    count(*) / c.calendar_days AS average_people_absent
FROM fct_absence_days AS d
JOIN calendar AS c ON c.year = year(d.date_on)
JOIN dim_reasons AS r USING (reason)
WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
GROUP BY d.organization_id, c.year, d.reason, r.sort_order, c.calendar_days
ORDER BY d.organization_id, c.year, r.sort_order;
