-- Purpose: Return the share of people with at least one day of absence between from_date and to_date, both
--   inclusive.
-- Grain: one organization and reason, and one row per organization with the reason any, also in a range without
--   absence.
-- Formula: incidence = people_absent / people. people = the number of people with person-time in the range (see
--   person_time), leavers included. people_absent = the number of those with a day of their person-time that counts
--   under the reason. The reason any stands for all reasons except public_holiday.
-- Source: the individual frequency rate of Acas (Managing attendance and employee turnover): workers with one or
--   more spells of absence / workers; the cumulative incidence in Hensing et al., Scandinavian Journal of Social
--   Medicine 26 (1998).
-- Caveats: Days after the date of the last snapshot of the organization do not count, unless until_snapshot is
--   false. An absence that started before the range counts too. A person who was a member for a part of the range
--   counts as one person. The rows must not be added up, because a person can have several reasons.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_incidence(from_date, to_date, until_snapshot := true) AS TABLE
WITH members AS MATERIALIZED (
    FROM person_time(from_date, to_date, until_snapshot := until_snapshot)
),
people AS (
    SELECT organization_id, count(*) AS people FROM members GROUP BY organization_id
),
absent AS (
    SELECT DISTINCT d.organization_id, d.user_id, d.reason
    FROM fct_absence_days AS d
    JOIN members AS m
        ON m.organization_id = d.organization_id AND m.user_id = d.user_id
        AND d.date_on BETWEEN m.counted_from_on AND m.counted_to_on
),
counted AS (
    SELECT organization_id, reason, count(*) AS people_absent FROM absent GROUP BY organization_id, reason
    UNION ALL
    SELECT p.organization_id, 'any', count(DISTINCT a.user_id)
    FROM people AS p
    LEFT JOIN absent AS a ON a.organization_id = p.organization_id AND a.reason <> 'public_holiday'
    GROUP BY p.organization_id
)
SELECT
    c.organization_id, c.reason, c.people_absent, p.people, c.people_absent / p.people AS incidence
FROM counted AS c
JOIN people AS p USING (organization_id)
LEFT JOIN dim_reasons AS r USING (reason)
ORDER BY c.organization_id, r.sort_order NULLS LAST;
