-- Purpose: how long absences are: the spells that begin from from_date to to_date, both included.
-- Grain: one organization and reason.
-- Formula: mean, median and maximum of calendar_days and working_days of the spells, see absence_spells,
--   each with its whole length, also beyond the range.
-- Source: length of absence in Hensing et al., How to measure sickness absence, Scandinavian Journal of
--   Social Medicine 26 (1998).
-- Caveats: spells under way are as long as planned, and whoever is sick without an end date is so for as
--   long as they entered. A few long spells move the mean: read the median too. A reason without a spell
--   has no row.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO spell_duration(from_date, to_date) AS TABLE
SELECT
    s.organization_id, s.reason,
    count(*) AS spells,
    avg(s.calendar_days) AS average_calendar_days,
    median(s.calendar_days) AS median_calendar_days,
    max(s.calendar_days) AS longest_calendar_days,
    avg(s.working_days) AS average_working_days,
    median(s.working_days) AS median_working_days,
    max(s.working_days) AS longest_working_days,
    count(DISTINCT s.user_id) AS people
FROM absence_spells(from_date, to_date) AS s
JOIN dim_reasons AS r USING (reason)
WHERE s.starts_on >= from_date::DATE
GROUP BY s.organization_id, s.reason, r.sort_order
ORDER BY s.organization_id, r.sort_order;
