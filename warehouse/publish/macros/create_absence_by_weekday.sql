-- Purpose: Return the absence per weekday and reason between from_date and to_date, both inclusive.
-- Grain: one organization, reason and weekday, from 1 for Monday to 7 for Sunday.
-- Formula: share_of_working_days = the absence for the reason on working days that fall on this weekday / the
--   absence for the reason on all working days. It is null if the denominator is 0.
-- Source: a frequency distribution over ISO 8601 weekdays.
-- Caveats: A range that is not a number of whole weeks has more of some weekdays than of others. The public
--   holidays of a work calendar have the same effect. A weekday without absence has no row. A long absence adds to
--   all weekdays equally. To see when absences start, count the rows of absence_spells by isodow(starts_on).
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_by_weekday(from_date, to_date) AS TABLE
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
    d.organization_id, d.reason, isodow(d.date_on)::INTEGER AS weekday,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(*) FILTER (d.is_working_day)
        / nullif(sum(count(*) FILTER (d.is_working_day)) OVER (PARTITION BY d.organization_id, d.reason), 0)
        AS share_of_working_days,
    count(DISTINCT d.user_id) AS people
FROM fct_absence_days AS d
JOIN dim_reasons AS r USING (reason)
JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
GROUP BY d.organization_id, d.reason, r.sort_order, weekday
ORDER BY d.organization_id, r.sort_order, weekday;
