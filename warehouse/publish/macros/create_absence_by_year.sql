-- Purpose: Return the absence per calendar year and reason between from_date and to_date, both inclusive.
-- Grain: one organization, year and reason.
-- Formula: as in absence_by_reason, for each calendar year. calendar_days = the number of days of the year within
--   the range. average_people_absent = absence_days / calendar_days.
-- Source: as in absence_by_reason. The average is the mean point prevalence in epidemiology.
-- Caveats: If the range starts or ends within a year, compare the years by average_people_absent. This average also
--   grows with the number of people. A year and reason without a day of absence has no row.
--   The dates must be from 1970 to 2099.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_by_year(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE > to_date::DATE
                THEN error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
                WHEN from_date::DATE < '1970-01-01'::DATE OR to_date::DATE > '2099-12-31'::DATE
                THEN error(concat(
                    'expected dates from 1970-01-01 to 2099-12-31, found ', from_date::DATE, ' and ', to_date::DATE
                ))
                ELSE from_date::DATE
            END AS first_on
    )
),
calendar AS (
    SELECT year(date_on) AS year, count(*) AS calendar_days
    FROM (SELECT unnest(generate_series(first_on, last_on, INTERVAL 1 DAY)) AS date_on FROM asked)
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
JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
GROUP BY d.organization_id, c.year, d.reason, r.sort_order, c.calendar_days
ORDER BY d.organization_id, c.year, r.sort_order;
