-- Purpose: on which weekdays absence from from_date to to_date, both included, falls.
-- Grain: one organization, reason and weekday, 1 Monday to 7 Sunday.
-- Formula: share_of_working_days = the reason's absence on working days that are this weekday / its
--   absence on all working days; null if it has none.
-- Source: a plain frequency distribution over ISO 8601 weekdays.
-- Caveats: a range that isn't whole weeks has more of some weekdays than of others, and so have the
--   public holidays of a work calendar. A weekday without absence has no row. A long absence weighs on
--   every weekday alike: to see when absences begin, count absence_spells by isodow(starts_on).
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO absence_by_weekday(from_date, to_date) AS TABLE
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
WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
GROUP BY d.organization_id, d.reason, r.sort_order, weekday
ORDER BY d.organization_id, r.sort_order, weekday;
