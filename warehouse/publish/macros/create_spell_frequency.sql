-- Purpose: Return the number of spells of absence per person that start between from_date and to_date, both
--   inclusive.
-- Grain: one organization and reason.
-- Formula: spells = the number of spells (see absence_spells) that start in the person-time of their person (see
--   person_time). people = the number of people with person-time, leavers included. person_years = their
--   member_days / 365.25. spells_per_person = spells / (member_days / range_days), the average head count.
--   spells_per_person_year = spells / person_years.
-- Source: the frequency rate of Acas (Managing attendance and employee turnover) and CIPD (Absence measurement):
--   spells of absence in the period / employees, here without the factor 100; the incidence rate over person-time
--   in Hensing et al., How to measure sickness absence, Scandinavian Journal of Social Medicine 26 (1998).
-- Caveats: Days after the date of the last snapshot of the organization do not count, unless until_snapshot is
--   false. A spell that started before the range does not count, so that adjacent ranges add up. A reason without a
--   spell has no row.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO spell_frequency(from_date, to_date, until_snapshot := true) AS TABLE
WITH members AS MATERIALIZED (
    FROM person_time(from_date, to_date, until_snapshot := until_snapshot)
),
people AS (
    SELECT
        organization_id, count(*) AS people, sum(member_days)::BIGINT AS member_days,
        any_value(range_days) AS range_days
    FROM members
    GROUP BY organization_id
)
SELECT
    s.organization_id, s.reason,
    count(*) AS spells,
    count(DISTINCT s.user_id) AS people_with_spells,
    p.people,
    p.member_days / 365.25::DOUBLE AS person_years,
    count(*) / (p.member_days / p.range_days) AS spells_per_person,
    count(*) / (p.member_days / 365.25::DOUBLE) AS spells_per_person_year
FROM absence_spells(from_date, to_date) AS s
JOIN members AS m
    ON m.organization_id = s.organization_id AND m.user_id = s.user_id
    AND s.starts_on BETWEEN m.counted_from_on AND m.counted_to_on
JOIN people AS p ON p.organization_id = s.organization_id
JOIN dim_reasons AS r USING (reason)
GROUP BY s.organization_id, s.reason, r.sort_order, p.people, p.member_days, p.range_days
ORDER BY s.organization_id, r.sort_order;
