-- Purpose: Return the ten days between from_date and to_date, both inclusive, with the most absent people, and all
--   days that tie with the tenth.
-- Grain: one organization and day.
-- Formula: people_absent = the number of different people with an entry on the day. share_absent = people_absent /
--   the number of people who have not left. The days are ranked by people_absent, and all days up to rank 10 are
--   returned.
-- Source: the maximum of the point prevalence in epidemiology.
-- Caveats: People who have left count in people_absent for as long as their entries exist, but not in the
--   denominator. A share can therefore exceed 1.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO peak_absence(from_date, to_date) AS TABLE
SELECT
    d.organization_id, d.date_on, count(*) AS people_absent,
    count(*) / any_value(p.people) AS share_absent
FROM fct_absence_days AS d
JOIN (
    SELECT organization_id, count(*) AS people FROM dim_people WHERE left_at IS NULL GROUP BY organization_id
) AS p USING (organization_id)
WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
GROUP BY d.organization_id, d.date_on
QUALIFY rank() OVER (PARTITION BY d.organization_id ORDER BY count(*) DESC) <= 10
ORDER BY d.organization_id, people_absent DESC, d.date_on;
