-- Purpose: Return the share of the working days of each person lost to absence between from_date and to_date, both
--   inclusive.
-- Grain: one person with person-time in the range, absent or not, also if the person has left since.
-- Formula: as lost_time_rate in lost_time_rate, for each person, by their own work calendar.
-- Source: as in lost_time_rate.
-- Caveats: The rows are personal data, so restrict access to them. The rate is null if there is no working day.
--   The caveats of lost_time_rate apply.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_rate_by_person(from_date, to_date, until_snapshot := true) AS TABLE
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
    p.organization_id, p.user_id, p.name, d.email, p.calendar,
    coalesce(l.absent_working_days, 0) AS absent_working_days,
    p.available_working_days,
    coalesce(l.absent_working_days, 0) / nullif(p.available_working_days, 0) AS absence_rate,
    concat(
        'working days by the work calendar of each person; people count from member_from_on to member_to_on, ',
        'until the last snapshot of the organization unless asked otherwise; ',
        'vacation counts as absence, public holidays do not'
    )
        AS policy
FROM people AS p
JOIN dim_people AS d ON d.organization_id = p.organization_id AND d.user_id = p.user_id
LEFT JOIN lost AS l ON l.organization_id = p.organization_id AND l.user_id = p.user_id
ORDER BY p.organization_id, absence_rate DESC NULLS LAST, p.user_id;
