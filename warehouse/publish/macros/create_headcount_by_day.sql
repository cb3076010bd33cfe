-- Purpose: Return the number of people of each organization per day between from_date and to_date, both inclusive.
-- Grain: one organization and day.
-- Formula: people = the number of people with member_from_on <= date_on <= member_to_on in dim_people. member_to_on
--   is null for a member, who counts on every later day.
-- Source: the population at risk at a point in time in epidemiology.
-- Caveats: Days after the date of the last snapshot of the organization have no row, unless until_snapshot is
--   false. People who left before the first snapshot are not known. The dates must be from 1970 to 2099.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO headcount_by_day(from_date, to_date, until_snapshot := true) AS TABLE
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
    SELECT o.organization_id, d.date_on
    FROM (SELECT unnest(generate_series(first_on, last_on, INTERVAL 1 DAY))::DATE AS date_on FROM asked) AS d
    JOIN dim_organizations AS o
        ON o.last_snapshot_at IS NOT NULL AND (NOT until_snapshot OR d.date_on <= o.last_snapshot_at::DATE)
)
SELECT d.organization_id, d.date_on, count(p.user_id) AS people
FROM days AS d
LEFT JOIN dim_people AS p
    ON p.organization_id = d.organization_id AND p.member_from_on <= d.date_on
    AND (p.member_to_on IS NULL OR d.date_on <= p.member_to_on)
GROUP BY d.organization_id, d.date_on
ORDER BY d.organization_id, d.date_on;
