-- Purpose: the Bradford factor of each person over their sick leave from from_date to to_date, both
--   included.
-- Grain: one person with a sick working day in the range, who has not left.
-- Formula: S × S × D. S = sick spells, see absence_spells, with a working day in the range: sick entries
--   with no working day at work between them are one spell; D = sick working days in the range. Usually
--   asked over 52 weeks.
-- Source: the Bradford factor, ascribed to the Bradford University School of Management, as Acas
--   (Managing attendance and employee turnover) and CIPD (Absence measurement) describe it.
-- Caveats: a score of health data about one person, which says nothing about why: chronic illness,
--   disability and pregnancy score high, and deciding by it may be unlawful discrimination. Half days
--   count whole. Out-of-office entries are not a sickness record.
-- Switch: OOO_BRADFORD
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO bradford_factor(from_date, to_date) AS TABLE
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
WHERE d.reason = 'sick'
  AND d.is_working_day
  AND d.date_on BETWEEN from_date::DATE AND to_date::DATE
GROUP BY d.organization_id, d.user_id, p.name
ORDER BY d.organization_id, bradford_factor DESC, d.user_id;
