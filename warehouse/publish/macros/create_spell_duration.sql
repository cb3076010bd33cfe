-- Purpose: Return the length of the spells of absence that start between from_date and to_date, both inclusive.
-- Grain: one organization and reason.
-- Formula: The columns are the mean, the median and the maximum of calendar_days and of working_days of the spells
--   (see absence_spells). Each spell counts with its whole length, including days after the range.
-- Source: the length of absence in Hensing et al., How to measure sickness absence, Scandinavian Journal of Social
--   Medicine 26 (1998).
-- Caveats: A current spell counts with its planned length, which can be a guess for sick leave. A few long spells
--   increase the mean, so read the median too. A reason without a spell has no row.
-- Second run: creates the same macro again.
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
