-- Purpose: Return the person-time between from_date and to_date, both inclusive: the days on which each person
--   counts as a member of the organization, and the working days among them.
-- Grain: one person who is a member on at least one day of the range, also if the person has left since.
-- Formula: A person counts from member_from_on to member_to_on of dim_people, both inclusive. member_days = the
--   number of those days within the range. available_working_days = the number of working days among them in the
--   work calendar of the person. range_days = the number of days of the range that count for the organization.
-- Source: person-time as the denominator of rates in epidemiology.
-- Caveats: Days after the date of the last snapshot of the organization do not count, unless until_snapshot is
--   false. Dates before or after those of dim_calendar_days follow the work week alone, without public holidays. A
--   person who left and returned counts for the time in between too. The dates must be from 1970 to 2099.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO person_time(from_date, to_date, until_snapshot := true) AS TABLE
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
people AS (
    SELECT
        p.organization_id, p.user_id, p.name, p.calendar,
        greatest(p.member_from_on, a.first_on) AS counted_from_on,
        least(p.member_to_on, a.last_on, CASE WHEN until_snapshot THEN o.last_snapshot_at::DATE END) AS counted_to_on,
        (least(a.last_on, CASE WHEN until_snapshot THEN o.last_snapshot_at::DATE END) - a.first_on + 1)::INTEGER
            AS range_days
    FROM dim_people AS p
    JOIN dim_organizations AS o USING (organization_id)
    CROSS JOIN asked AS a
),
dates AS (
    SELECT unnest(generate_series(first_on, last_on, INTERVAL 1 DAY))::DATE AS date_on FROM asked
),
calendar_days AS (
    SELECT
        c.calendar, d.date_on,
        coalesce(
            k.is_working_day,
            contains(c.work_week, ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'][isodow(d.date_on)])
        ) AS is_working_day
    FROM dim_calendars AS c
    CROSS JOIN dates AS d
    LEFT JOIN dim_calendar_days AS k ON k.calendar = c.calendar AND k.date_on = d.date_on
),
numbered AS (
    SELECT
        calendar, date_on, is_working_day::INTEGER AS is_worked,
        count(*) FILTER (is_working_day) OVER (PARTITION BY calendar ORDER BY date_on) AS worked_days
    FROM calendar_days
)
SELECT
    p.organization_id, p.user_id, p.name, p.calendar, p.counted_from_on, p.counted_to_on,
    (p.counted_to_on - p.counted_from_on + 1)::BIGINT AS member_days,
    (z.worked_days - a.worked_days + a.is_worked)::BIGINT AS available_working_days,
    p.range_days
FROM people AS p
JOIN numbered AS a ON a.calendar = p.calendar AND a.date_on = p.counted_from_on
JOIN numbered AS z ON z.calendar = p.calendar AND z.date_on = p.counted_to_on
WHERE p.counted_from_on <= p.counted_to_on
ORDER BY p.organization_id, p.user_id;
