-- Purpose: Return the number of absent people per day between from_date and to_date, both inclusive. Days without
--   an absence have a row too.
-- Grain: one organization and day.
-- Formula: people_absent = the number of different people with an entry on the day. people_sick = the number of
--   those whose day counts as sick. entries = the number of entries on the day.
-- Source: the point prevalence in epidemiology, as a count. weekday follows ISO 8601.
-- Caveats: is_weekend means Saturday or Sunday, regardless of the work calendars. The dates must be
--   from 1970 to 2099.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_by_day(from_date, to_date) AS TABLE
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
days AS (
    SELECT unnest(generate_series(first_on, last_on, INTERVAL 1 DAY))::DATE AS date_on FROM asked
)
SELECT
    o.organization_id, t.date_on, isodow(t.date_on)::INTEGER AS weekday, isodow(t.date_on) > 5 AS is_weekend,
    count(d.user_id) AS people_absent,
    count(d.user_id) FILTER (d.reason = 'sick') AS people_sick,
    coalesce(sum(d.entry_count), 0)::BIGINT AS entries
FROM days AS t
CROSS JOIN (SELECT DISTINCT organization_id FROM dim_people) AS o
LEFT JOIN fct_absence_days AS d ON d.organization_id = o.organization_id AND d.date_on = t.date_on
GROUP BY o.organization_id, t.date_on
ORDER BY o.organization_id, t.date_on;
