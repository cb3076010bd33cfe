-- Purpose: Return the longest unbroken absence of each person between from_date and to_date, both inclusive.
-- Grain: one person who is absent in the range.
-- Formula: longest_days = the length of the longest run of calendar days that are all days of absence, for any
--   reason. unbroken_days = the same, except that days off between two absences do not break the run: no working
--   day of the person lies between them. unbroken_working_days = the number of working days in that run. Of equally
--   long runs, the earliest counts.
-- Source: none; it is a rule of this program.
-- Caveats: Days outside the range do not count, so a long absence that continues outside the range is shown
--   shorter. A public holiday that was entered as an absence counts like any other reason. The rows are personal
--   data, so restrict access to them.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO longest_absence(from_date, to_date) AS TABLE
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
        d.organization_id, d.user_id, d.date_on, d.is_working_day,
        lag(d.date_on) OVER person AS previous_on,
        k.working_day_number - d.is_working_day::INTEGER - lag(k.working_day_number) OVER person AS worked_between
    FROM fct_absence_days AS d
    JOIN dim_people AS p USING (organization_id, user_id)
    JOIN dim_calendar_days AS k ON k.calendar = p.calendar AND k.date_on = d.date_on
    JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
    WINDOW person AS (PARTITION BY d.organization_id, d.user_id ORDER BY d.date_on)
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (previous_on IS NULL OR date_on > previous_on + 1) OVER person AS run,
        count(*) FILTER (previous_on IS NULL OR worked_between > 0) OVER person AS stretch
    FROM days
    WINDOW person AS (PARTITION BY organization_id, user_id ORDER BY date_on)
),
runs AS (
    SELECT organization_id, user_id, min(date_on) AS first_on, max(date_on) AS last_on
    FROM numbered
    GROUP BY organization_id, user_id, run
    QUALIFY row_number() OVER (
        PARTITION BY organization_id, user_id ORDER BY max(date_on) - min(date_on) DESC, min(date_on)
    ) = 1
),
stretches AS (
    SELECT
        organization_id, user_id, min(date_on) AS first_on, max(date_on) AS last_on,
        count(*) FILTER (is_working_day) AS working_days
    FROM numbered
    GROUP BY organization_id, user_id, stretch
    QUALIFY row_number() OVER (
        PARTITION BY organization_id, user_id ORDER BY max(date_on) - min(date_on) DESC, min(date_on)
    ) = 1
)
SELECT
    r.organization_id, r.user_id, p.name,
    (r.last_on - r.first_on + 1)::INTEGER AS longest_days,
    r.first_on AS longest_from_on,
    r.last_on AS longest_to_on,
    (s.last_on - s.first_on + 1)::INTEGER AS unbroken_days,
    s.first_on AS unbroken_from_on,
    s.last_on AS unbroken_to_on,
    s.working_days AS unbroken_working_days
FROM runs AS r
JOIN stretches AS s USING (organization_id, user_id)
JOIN dim_people AS p USING (organization_id, user_id)
ORDER BY r.organization_id, unbroken_days DESC, longest_days DESC, r.user_id;
