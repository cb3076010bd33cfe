-- Purpose: Return the share of working days lost to absence between from_date and to_date, both inclusive. Vacation
--   counts as absence.
-- Grain: one organization with person-time in the range.
-- Formula: lost_time_rate = absent_working_days / available_working_days. available_working_days = the working days
--   of the person-time (see person_time). absent_working_days = the person-days of absence among them, without
--   those that count as public_holiday. people = the number of people with person-time. average_people = their
--   member_days / range_days. days_lost_per_person = absent_working_days / average_people.
-- Source: the lost time rate of Acas (Managing attendance and employee turnover) and CIPD (Absence measurement):
--   total absence in the period / possible total. Their rates usually leave vacation out: see
--   sickness_absence_rate.
-- Caveats: Days after the date of the last snapshot of the organization do not count, unless until_snapshot is
--   false. The rate is null if there is no working day. The caveats of person_time apply.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO lost_time_rate(from_date, to_date, until_snapshot := true) AS TABLE
WITH people AS MATERIALIZED (
    FROM person_time(from_date, to_date, until_snapshot := until_snapshot)
),
lost AS (
    SELECT d.organization_id, d.user_id, count(*) AS absent_working_days
    FROM fct_absence_days AS d
    JOIN people AS p
        ON p.organization_id = d.organization_id AND p.user_id = d.user_id
        AND d.date_on BETWEEN p.counted_from_on AND p.counted_to_on
    WHERE d.is_working_day AND d.reason <> 'public_holiday'
    GROUP BY d.organization_id, d.user_id
)
SELECT
    p.organization_id,
    coalesce(sum(l.absent_working_days), 0)::BIGINT AS absent_working_days,
    sum(p.available_working_days)::BIGINT AS available_working_days,
    coalesce(sum(l.absent_working_days), 0)::BIGINT / nullif(sum(p.available_working_days)::BIGINT, 0)
        AS lost_time_rate,
    count(*) AS people,
    sum(p.member_days)::BIGINT / any_value(p.range_days) AS average_people,
    coalesce(sum(l.absent_working_days), 0)::BIGINT / (sum(p.member_days)::BIGINT / any_value(p.range_days))
        AS days_lost_per_person,
    concat(
        'working days by the work calendar of each person; people count from member_from_on to member_to_on, ',
        'until the last snapshot of the organization unless asked otherwise; ',
        'vacation counts as absence, public holidays do not'
    )
        AS policy
FROM people AS p
LEFT JOIN lost AS l ON l.organization_id = p.organization_id AND l.user_id = p.user_id
GROUP BY p.organization_id
ORDER BY p.organization_id;
