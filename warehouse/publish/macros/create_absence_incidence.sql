-- Purpose: the share of people with at least one day of absence from from_date to to_date, both included.
-- Grain: one organization and reason, and one row with the reason any.
-- Formula: incidence = people_absent / people. people = who has not left; people_absent = those of them
--   with a day in the range that counts under the reason; any = under any reason but public_holiday.
-- Source: the individual frequency rate of Acas (Managing attendance and employee turnover): workers with
--   one or more spells of absence / workers; cumulative incidence in Hensing et al., Scandinavian Journal
--   of Social Medicine 26 (1998).
-- Caveats: an absence that began before the range counts too. People count with the whole range, whenever
--   they joined. Rows must not be added up: one person may have several reasons.
-- Second run: makes the same macro again.
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
