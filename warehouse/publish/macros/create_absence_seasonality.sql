-- Purpose: Return the absence per month of the year between from_date and to_date, both inclusive, over all years
--   of the range together.
-- Grain: one organization, reason and month of the year. A month without absence has a row too if the reason occurs
--   in the range.
-- Formula: years = the number of calendar years in which the range contains at least one day of the month.
--   calendar_days = the number of days of the month in all these years, within the range. average_people_absent =
--   absence_days / calendar_days. seasonal_index = average_people_absent / the same average over the whole range.
--   An average month has the index 1, and a month with twice as much absence has the index 2.
-- Source: the seasonal index by the method of simple averages in descriptive time series. It is not the seasonal
--   adjustment of Eurostat's ESS guidelines.
-- Caveats: A range of less than two whole years shows these years and not a season. A trend or a growing number of
--   people changes the index. The dates must be from 1970 to 2099.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_seasonality(from_date, to_date) AS TABLE
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
    SELECT month(date_on) AS month, count(*) AS calendar_days, count(DISTINCT year(date_on)) AS years
    FROM (SELECT unnest(generate_series(first_on, last_on, INTERVAL 1 DAY)) AS date_on FROM asked)
    GROUP BY 1
),
absent AS (
    SELECT organization_id, reason, month(date_on) AS month, count(*) AS absence_days
    FROM fct_absence_days
    WHERE date_on BETWEEN from_date::DATE AND to_date::DATE
    GROUP BY organization_id, reason, 3
),
months AS (
    SELECT r.organization_id, r.reason, c.month, c.years, c.calendar_days, coalesce(a.absence_days, 0) AS absence_days
    FROM (SELECT DISTINCT organization_id, reason FROM absent) AS r
    CROSS JOIN calendar AS c
    LEFT JOIN absent AS a ON a.organization_id = r.organization_id AND a.reason = r.reason AND a.month = c.month
)
SELECT
    m.organization_id, m.reason, m.month::INTEGER AS month, m.years, m.absence_days, m.calendar_days,
    m.absence_days / m.calendar_days AS average_people_absent,
    (m.absence_days / m.calendar_days) / (
        sum(m.absence_days) OVER (PARTITION BY m.organization_id, m.reason)
        / sum(m.calendar_days) OVER (PARTITION BY m.organization_id, m.reason)
    ) AS seasonal_index
FROM months AS m
JOIN dim_reasons AS r USING (reason)
ORDER BY m.organization_id, r.sort_order, m.month;
