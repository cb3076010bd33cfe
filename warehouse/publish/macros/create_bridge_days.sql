-- Purpose: Return the bridge days between from_date and to_date, both inclusive, with the number of absent people.
-- Grain: one organization, work calendar and bridge day on which a person of the organization has the calendar.
-- Formula: A bridge day is a working day of the calendar between two days off, at least one of which is a public
--   holiday on a weekday of the work week. people = the number of people with the calendar who are members on the
--   day. people_absent = the number of those with a day of absence. share_absent = people_absent / people.
-- Source: none; it is a rule of this program.
-- Caveats: Days after the last snapshot count as planned, with the people of the last snapshot. Days off are known
--   within dim_calendar_days only. A calendar without public holidays has no bridge days.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO bridge_days(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
),
days AS (
    SELECT
        k.calendar, k.date_on, k.is_working_day,
        NOT k.is_working_day
            AND contains(c.work_week, ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'][isodow(k.date_on)])
            AS is_holiday
    FROM dim_calendar_days AS k
    JOIN dim_calendars AS c USING (calendar)
),
bridges AS (
    SELECT calendar, date_on
    FROM days
    WINDOW calendar_order AS (PARTITION BY calendar ORDER BY date_on)
    QUALIFY is_working_day
        AND NOT lag(is_working_day) OVER calendar_order
        AND NOT lead(is_working_day) OVER calendar_order
        AND (lag(is_holiday) OVER calendar_order OR lead(is_holiday) OVER calendar_order)
)
SELECT
    p.organization_id, b.calendar, b.date_on,
    count(d.user_id) AS people_absent,
    count(*) AS people,
    count(d.user_id) / count(*) AS share_absent
FROM asked AS q
JOIN bridges AS b ON b.date_on BETWEEN q.first_on AND q.last_on
JOIN dim_people AS p
    ON p.calendar = b.calendar AND p.member_from_on <= b.date_on
    AND (p.member_to_on IS NULL OR b.date_on <= p.member_to_on)
LEFT JOIN fct_absence_days AS d
    ON d.organization_id = p.organization_id AND d.user_id = p.user_id AND d.date_on = b.date_on
GROUP BY p.organization_id, b.calendar, b.date_on
ORDER BY p.organization_id, b.calendar, b.date_on;
