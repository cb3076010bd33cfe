-- Purpose: Return the chain of covers for each day between from_date and to_date, both inclusive, on which the
--   cover of an absent person is absent too.
-- Grain: one absent person and day whose cover is absent.
-- Formula: The chain leads from the person to their cover of the day, then to the cover of this person, and so on
--   while each of them is absent. absent_covers = the number of absent covers in the chain. outcome = present (the
--   last cover is not absent: present_user_id), gone (the last cover has left or was never in the organization),
--   nobody (the last absent person has no cover) or cycle (the chain returns to a person in it).
-- Source: none; it is a rule of this program, a walk along a functional graph.
-- Caveats: A chain shows the person who could take over, not the person to whom Cal.com forwards bookings. A person
--   who is their own cover is a cycle. The column chain lists user ids.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO cover_chains(from_date, to_date) AS TABLE
WITH RECURSIVE asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
),
absent AS (
    SELECT organization_id, date_on, user_id, covering_user_id, is_working_day, is_cover_absent
    FROM fct_absence_days
    JOIN asked ON date_on BETWEEN first_on AND last_on
),
chains AS (
    SELECT organization_id, date_on, user_id, is_working_day, [user_id] AS passed, covering_user_id AS next_user_id
    FROM absent
    WHERE is_cover_absent
    UNION ALL
    SELECT
        c.organization_id, c.date_on, c.user_id, c.is_working_day,
        list_append(c.passed, c.next_user_id) AS passed, a.covering_user_id AS next_user_id
    FROM chains AS c
    JOIN absent AS a
        ON a.organization_id = c.organization_id AND a.date_on = c.date_on AND a.user_id = c.next_user_id
    WHERE NOT list_contains(c.passed, c.next_user_id)
),
ends AS (
    SELECT
        c.*,
        CASE
            WHEN c.next_user_id IS NULL THEN 'nobody'
            WHEN list_contains(c.passed, c.next_user_id) THEN 'cycle'
            WHEN p.user_id IS NULL THEN 'gone'
            ELSE 'present'
        END AS outcome
    FROM chains AS c
    LEFT JOIN absent AS a
        ON a.organization_id = c.organization_id AND a.date_on = c.date_on AND a.user_id = c.next_user_id
    LEFT JOIN dim_people AS p
        ON p.organization_id = c.organization_id AND p.user_id = c.next_user_id AND p.left_at IS NULL
    WHERE a.user_id IS NULL OR list_contains(c.passed, c.next_user_id)
)
SELECT
    e.organization_id, e.date_on, e.user_id, p.name,
    array_to_string(
        list_concat(e.passed, CASE WHEN e.next_user_id IS NOT NULL THEN [e.next_user_id] ELSE [] END), ' > '
    ) AS chain,
    (len(e.passed) - 1)::INTEGER AS absent_covers,
    e.outcome,
    CASE WHEN e.outcome = 'present' THEN e.next_user_id END AS present_user_id,
    e.is_working_day
FROM ends AS e
JOIN dim_people AS p USING (organization_id, user_id)
ORDER BY e.organization_id, e.date_on, e.user_id;
