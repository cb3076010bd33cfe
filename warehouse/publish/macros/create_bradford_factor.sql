-- Purpose: Return the Bradford factor of each person for the sick leave between from_date and to_date, both
--   inclusive.
-- Grain: one person who has not left and who has a sick working day in the range.
-- Formula: S × S × D. S = the number of sick spells (see absence_spells) with a working day in the range. Sick
--   entries without a working day between them are one spell. D = the number of working days in the range with a sick
--   entry. The range is usually 52 weeks: for the rolling factor, choose the twelve months that end with to_date.
-- Source: the Bradford factor, attributed to the Bradford University School of Management, as described by Acas
--   (Managing attendance and employee turnover) and CIPD (Absence measurement).
-- Caveats: The factor is a score of health data about one person, and it does not show the cause. Chronic illness,
--   disability and pregnancy lead to high scores, and decisions by the factor can be unlawful discrimination. Half
--   days count as whole days. A sick day with a second entry counts, also if the day counts as public_holiday in
--   absence_by_reason and sickness_absence_rate, so D can exceed their sick working days. Out-of-office
--   entries are not a record of sickness.
-- Switch: OOO_BRADFORD
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO bradford_factor(from_date, to_date) AS TABLE
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
    d.organization_id, d.user_id, p.name,
    count(DISTINCT s.starts_on) AS sick_spells,
    count(DISTINCT d.date_on) AS sick_working_days,
    count(DISTINCT s.starts_on) * count(DISTINCT s.starts_on) * count(DISTINCT d.date_on) AS bradford_factor
FROM fct_entry_days AS d
JOIN absence_spells(from_date, to_date) AS s
    ON s.organization_id = d.organization_id AND s.user_id = d.user_id AND s.reason = d.reason
    AND d.date_on BETWEEN s.starts_on AND s.ends_on
JOIN dim_people AS p ON p.organization_id = d.organization_id AND p.user_id = d.user_id AND p.left_at IS NULL
JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
WHERE d.reason = 'sick'
  AND d.is_working_day
GROUP BY d.organization_id, d.user_id, p.name
ORDER BY d.organization_id, bradford_factor DESC, d.user_id;
