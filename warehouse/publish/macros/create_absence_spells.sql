-- Purpose: Return the spells of absence that overlap the range from from_date to to_date, both inclusive, with
--   their whole length.
-- Grain: one person, reason and spell.
-- Formula: A spell consists of entries of one person and one reason that overlap, or that have no working day of
--   the person between them. A Friday and the following Monday are one spell. calendar_days = the number of days
--   from the first to the last day of the spell, including days off. working_days = the number of those that are
--   working days of the person. entries = the number of entries in the spell.
-- Source: the spell of absence in Hensing et al., How to measure sickness absence, Scandinavian Journal of Social
--   Medicine 26 (1998). A day off does not end a spell, because the person did not work between the entries.
-- Caveats: Spells of different reasons can overlap: a sick day during a vacation does not split the vacation. Only
--   materialized days count; the spells of people who left end with their departure. The current work calendars apply.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_spells(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
),
spans AS (
    SELECT
        e.organization_id, e.user_id, p.calendar, e.reason, e.entry_id,
        e.starts_on, e.starts_on + e.materialized_days - 1 AS ends_on
    FROM fct_ooo_entries AS e
    JOIN dim_people AS p USING (organization_id, user_id)
    WHERE e.materialized_days > 0
),
seams AS (
    SELECT
        *,
        max(ends_on) OVER (
            PARTITION BY organization_id, user_id, reason ORDER BY starts_on, entry_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered_to
    FROM spans
),
numbered AS (
    SELECT
        s.*,
        count(*) FILTER (
            s.covered_to IS NULL OR a.working_day_number - a.is_working_day::INTEGER > z.working_day_number
        ) OVER (PARTITION BY s.organization_id, s.user_id, s.reason ORDER BY s.starts_on, s.entry_id) AS spell
    FROM seams AS s
    JOIN dim_calendar_days AS a ON a.calendar = s.calendar AND a.date_on = s.starts_on
    LEFT JOIN dim_calendar_days AS z ON z.calendar = s.calendar AND z.date_on = s.covered_to
),
spells AS (
    SELECT
        organization_id, user_id, calendar, reason,
        min(starts_on) AS starts_on, max(ends_on) AS ends_on, count(*) AS entries
    FROM numbered
    GROUP BY organization_id, user_id, calendar, reason, spell
)
SELECT
    s.organization_id, s.user_id, s.reason, s.starts_on, s.ends_on,
    (s.ends_on - s.starts_on + 1)::INTEGER AS calendar_days,
    (z.working_day_number - a.working_day_number + a.is_working_day::INTEGER)::INTEGER AS working_days,
    s.entries
FROM spells AS s
JOIN dim_calendar_days AS a ON a.calendar = s.calendar AND a.date_on = s.starts_on
JOIN dim_calendar_days AS z ON z.calendar = s.calendar AND z.date_on = s.ends_on
JOIN dim_reasons AS r USING (reason)
JOIN asked AS q ON s.starts_on <= q.last_on AND s.ends_on >= q.first_on
ORDER BY s.organization_id, s.user_id, r.sort_order, s.starts_on;
