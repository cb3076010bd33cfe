-- Purpose: how often people are absent: spells that begin from from_date to to_date, both included, per
--   person.
-- Grain: one organization and reason.
-- Formula: spells_per_person = spells that begin in the range, see absence_spells / people; both of who
--   has not left.
-- Source: the frequency rate of Acas (Managing attendance and employee turnover) and CIPD (Absence
--   measurement): spells of absence in the period / employees, here not times 100; frequency in Hensing
--   et al., How to measure sickness absence, Scandinavian Journal of Social Medicine 26 (1998).
-- Caveats: a spell that began before the range is not in it, so that ranges side by side add up. People
--   count with the whole range, whenever they joined. A reason without a spell has no row.
-- Second run: makes the same macro again.
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
