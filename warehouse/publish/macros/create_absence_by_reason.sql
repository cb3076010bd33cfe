-- Purpose: absence by reason from from_date to to_date, both included.
-- Grain: one organization and reason.
-- Formula: absence_days = person-days of absence; a person and day counts once, under the first reason by
--   dim_reasons.sort_order. absence_working_days = those that are working days of the person. people =
--   different people.
-- Source: person-days as the time-based measure of absence, Hensing et al., How to measure sickness
--   absence, Scandinavian Journal of Social Medicine 26 (1998); the precedence of reasons is this
--   program's own.
-- Caveats: out-of-office entries are what people entered, not a payroll's record; people who have left
--   are counted while their entries are there. A reason without a day has no row.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO absence_by_reason(from_date, to_date) AS TABLE
SELECT
    d.organization_id, d.reason, r.label,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(DISTINCT d.user_id) AS people
FROM fct_absence_days AS d
JOIN dim_reasons AS r USING (reason)
WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
GROUP BY d.organization_id, d.reason, r.label, r.sort_order
ORDER BY d.organization_id, r.sort_order;
