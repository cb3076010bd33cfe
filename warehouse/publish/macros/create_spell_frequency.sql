-- Purpose: Return the number of spells of absence per person that start between from_date and to_date, both
--   inclusive.
-- Grain: one organization and reason.
-- Formula: spells_per_person = the number of spells that start in the range (see absence_spells) / people. Both
--   count only people who have not left.
-- Source: the frequency rate of Acas (Managing attendance and employee turnover) and CIPD (Absence measurement):
--   spells of absence in the period / employees, here without the factor 100; the frequency in Hensing et al., How
--   to measure sickness absence, Scandinavian Journal of Social Medicine 26 (1998).
-- Caveats: A spell that started before the range does not count, so that adjacent ranges add up. Each person counts
--   for the whole range, regardless of the date of joining. A reason without a spell has no row.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO spell_frequency(from_date, to_date) AS TABLE
WITH people AS (
    SELECT organization_id, count(*) AS people FROM dim_people WHERE left_at IS NULL GROUP BY organization_id
)
SELECT
    s.organization_id, s.reason,
    count(*) AS spells,
    count(DISTINCT s.user_id) AS people_with_spells,
    p.people,
    count(*) / p.people AS spells_per_person
FROM absence_spells(from_date, to_date) AS s
JOIN dim_people AS d ON d.organization_id = s.organization_id AND d.user_id = s.user_id AND d.left_at IS NULL
JOIN people AS p ON p.organization_id = s.organization_id
JOIN dim_reasons AS r USING (reason)
WHERE s.starts_on >= from_date::DATE
GROUP BY s.organization_id, s.reason, r.sort_order, p.people
ORDER BY s.organization_id, r.sort_order;
