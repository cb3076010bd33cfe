-- Purpose: Return the share of people with at least one day of absence between from_date and to_date, both
--   inclusive.
-- Grain: one organization and reason, and one row per organization with the reason any.
-- Formula: incidence = people_absent / people. people = the number of people who have not left. people_absent = the
--   number of those with a day in the range that counts under the reason. The reason any stands for all reasons
--   except public_holiday.
-- Source: the individual frequency rate of Acas (Managing attendance and employee turnover): workers with one or
--   more spells of absence / workers; the cumulative incidence in Hensing et al., Scandinavian Journal of Social
--   Medicine 26 (1998).
-- Caveats: An absence that started before the range counts too. Each person counts for the whole range, regardless
--   of the date of joining. The rows must not be added up, because a person can have several reasons.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_incidence(from_date, to_date) AS TABLE
WITH people AS (
    SELECT organization_id, count(*) AS people FROM dim_people WHERE left_at IS NULL GROUP BY organization_id
),
absent AS (
    SELECT DISTINCT d.organization_id, d.user_id, d.reason
    FROM fct_absence_days AS d
    JOIN dim_people AS p ON p.organization_id = d.organization_id AND p.user_id = d.user_id AND p.left_at IS NULL
    WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
),
counted AS (
    SELECT organization_id, reason, count(*) AS people_absent FROM absent GROUP BY organization_id, reason
    UNION ALL
    SELECT organization_id, 'any', count(DISTINCT user_id) FROM absent
    WHERE reason <> 'public_holiday' GROUP BY organization_id
)
SELECT
    c.organization_id, c.reason, c.people_absent, p.people, c.people_absent / p.people AS incidence
FROM counted AS c
JOIN people AS p USING (organization_id)
LEFT JOIN dim_reasons AS r USING (reason)
ORDER BY c.organization_id, r.sort_order NULLS LAST;
