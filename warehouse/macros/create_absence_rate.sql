-- Purpose: the share of working days lost to absence from from_date to to_date, both included.
-- Grain: one organization.
-- Formula: absence_rate = absent_working_days / available_working_days. Numerator: person-days of absence
--   on working days, public holidays left out. Denominator: people who have not left, times working days.
--   The policy is in the row.
-- Source: the lost time rate of Acas (Managing attendance and employee turnover) and CIPD (Absence
--   measurement): total absence in the period / possible total.
-- Caveats: people count with the whole range, whenever they joined; null if there is no working day.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO absence_rate(from_date, to_date) AS TABLE
WITH calendar AS (
    SELECT unnest(generate_series(from_date::DATE, to_date::DATE, INTERVAL 1 DAY))::DATE AS date_on
),
days AS (
    SELECT count(*) FILTER (isodow(date_on) <= 5) AS working_days FROM calendar
),
people AS (
    SELECT organization_id, count(*) AS people FROM dim_people WHERE left_at IS NULL GROUP BY organization_id
),
lost AS (
    SELECT d.organization_id, count(*) AS absent_working_days
    FROM fct_absence_days AS d
    JOIN dim_people AS p ON p.organization_id = d.organization_id AND p.user_id = d.user_id AND p.left_at IS NULL
    WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
      AND d.is_working_day AND d.reason <> 'public_holiday'
    GROUP BY d.organization_id
)
SELECT
    people.organization_id,
    coalesce(lost.absent_working_days, 0) AS absent_working_days,
    people.people * days.working_days AS available_working_days,
    coalesce(lost.absent_working_days, 0) / nullif(people.people * days.working_days, 0) AS absence_rate,
    people.people,
    days.working_days,
    'Monday to Friday; people who have not left; public holidays are no absence' AS policy
FROM people
CROSS JOIN days
LEFT JOIN lost USING (organization_id)
ORDER BY people.organization_id;
