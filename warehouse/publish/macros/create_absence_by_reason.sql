-- Purpose: Return the absence per reason between from_date and to_date, both inclusive.
-- Grain: one organization and reason.
-- Formula: absence_days = the number of person-days of absence. A person-day counts once, under the first reason by
--   dim_reasons.sort_order. absence_working_days = the number of those that are working days of the person. people
--   = the number of different people.
-- Source: person-days as the time-based measure of absence in Hensing et al., How to measure sickness absence,
--   Scandinavian Journal of Social Medicine 26 (1998). The precedence of reasons is a rule of this program.
-- Caveats: People make out-of-office entries themselves, so the entries are not payroll records. People who have
--   left count up to the date of their departure. A reason without a day of absence has no row.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_by_reason(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
)
SELECT
    d.organization_id, d.reason, r.label,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(DISTINCT d.user_id) AS people
FROM fct_absence_days AS d
JOIN dim_reasons AS r USING (reason)
JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
GROUP BY d.organization_id, d.reason, r.label, r.sort_order
ORDER BY d.organization_id, r.sort_order;
