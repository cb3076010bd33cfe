-- Purpose: Return the sickness absence rate over the twelve months that end with each month whose last day is
--   between from_date and to_date, both inclusive.
-- Grain: one organization and month (as its first day) with person-time in its twelve months.
-- Formula: sickness_absence_rate = sick_working_days / available_working_days, as in sickness_absence_rate, from
--   window_from_on to window_to_on. window_to_on is the last day of the month. people_absent = the number of people
--   with a day in the numerator. people = the number of people with person-time in the window.
-- Source: the twelve-month rolling average of sickness absence in the publications of the NHS and the Civil Service.
-- Caveats: A month that ends after the date of the last snapshot of the organization has no row. The first twelve
--   months of an organization have less person-time. Consecutive windows share eleven months, so they must not be
--   added up. The dates must be from 1970 to 2099. The caveats of sickness_absence_rate apply.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO rolling_sickness_rate(from_date, to_date) AS TABLE
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
windows AS MATERIALIZED (
    SELECT
        date_trunc('month', date_on)::DATE AS month_on,
        (date_trunc('month', date_on) - INTERVAL 11 MONTH)::DATE AS window_from_on,
        date_on AS window_to_on
    FROM (SELECT unnest(generate_series(first_on, last_on, INTERVAL 1 DAY))::DATE AS date_on FROM asked)
    WHERE date_on = last_day(date_on)
),
dates AS (
    SELECT unnest(generate_series(min(window_from_on), max(window_to_on), INTERVAL 1 DAY))::DATE AS date_on
    FROM windows
),
numbered AS (
    SELECT
        c.calendar, d.date_on, is_worked::INTEGER AS is_worked,
        count(*) FILTER (is_worked) OVER (PARTITION BY c.calendar ORDER BY d.date_on) AS worked_days
    FROM dim_calendars AS c
    CROSS JOIN dates AS d
    LEFT JOIN dim_calendar_days AS k ON k.calendar = c.calendar AND k.date_on = d.date_on
    CROSS JOIN LATERAL (
        SELECT coalesce(
            k.is_working_day,
            contains(c.work_week, ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'][isodow(d.date_on)])
        ) AS is_worked
    ) AS worked
),
members AS MATERIALIZED (
    SELECT
        p.organization_id, p.user_id, p.calendar, w.month_on, w.window_from_on, w.window_to_on,
        greatest(p.member_from_on, w.window_from_on) AS counted_from_on,
        least(p.member_to_on, w.window_to_on) AS counted_to_on
    FROM dim_people AS p
    JOIN dim_organizations AS o USING (organization_id)
    JOIN windows AS w ON w.window_to_on <= o.last_snapshot_at::DATE
    WHERE p.member_from_on <= w.window_to_on
      AND (p.member_to_on IS NULL OR p.member_to_on >= w.window_from_on)
),
sick AS (
    SELECT m.organization_id, m.user_id, m.month_on, count(*) AS sick_days
    FROM members AS m
    JOIN fct_absence_days AS d
        ON d.organization_id = m.organization_id AND d.user_id = m.user_id
        AND d.date_on BETWEEN m.counted_from_on AND m.counted_to_on
    WHERE d.reason = 'sick' AND d.is_working_day
    GROUP BY m.organization_id, m.user_id, m.month_on
),
sums AS (
    SELECT
        m.organization_id, m.month_on, m.window_from_on, m.window_to_on,
        coalesce(sum(s.sick_days), 0)::BIGINT AS sick_days,
        sum(z.worked_days - a.worked_days + a.is_worked)::BIGINT AS available_days,
        count(s.user_id) AS people_absent,
        count(*) AS people
    FROM members AS m
    JOIN numbered AS a ON a.calendar = m.calendar AND a.date_on = m.counted_from_on
    JOIN numbered AS z ON z.calendar = m.calendar AND z.date_on = m.counted_to_on
    LEFT JOIN sick AS s
        ON s.organization_id = m.organization_id AND s.user_id = m.user_id AND s.month_on = m.month_on
    GROUP BY m.organization_id, m.month_on, m.window_from_on, m.window_to_on
)
SELECT
    organization_id, month_on, window_from_on, window_to_on,
    sick_days AS sick_working_days,
    available_days AS available_working_days,
    sick_days / nullif(available_days, 0) AS sickness_absence_rate,
    people_absent, people
FROM sums
ORDER BY organization_id, month_on;
