-- Purpose: Return the share of working days lost to each reason between from_date and to_date, both inclusive.
-- Grain: one organization and reason.
-- Formula: as in lost_time_rate, with the numerator of one reason and the denominator of the whole organization.
--   The rates of all reasons therefore add up to lost_time_rate. people_absent = the number of different people in
--   the numerator.
-- Source: as in lost_time_rate.
-- Caveats: as in lost_time_rate. A reason without a lost working day has no row.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_rate_by_reason(from_date, to_date, until_snapshot := true) AS TABLE
SELECT
    r.organization_id, d.reason,
    count(*) AS absent_working_days,
    r.available_working_days,
    count(*) / r.available_working_days AS absence_rate,
    count(DISTINCT d.user_id) AS people_absent,
    r.policy
FROM lost_time_rate(from_date, to_date, until_snapshot := until_snapshot) AS r
JOIN fct_absence_days AS d ON d.organization_id = r.organization_id
JOIN person_time(from_date, to_date, until_snapshot := until_snapshot) AS p
    ON p.organization_id = d.organization_id AND p.user_id = d.user_id
    AND d.date_on BETWEEN p.counted_from_on AND p.counted_to_on
JOIN dim_reasons AS s ON s.reason = d.reason
WHERE d.is_working_day AND d.reason <> 'public_holiday'
GROUP BY r.organization_id, d.reason, s.sort_order, r.available_working_days, r.policy
ORDER BY r.organization_id, s.sort_order;
