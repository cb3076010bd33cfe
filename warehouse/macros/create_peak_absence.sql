-- Purpose: the ten days from from_date to to_date, both included, on which most people are absent (and ties).
-- Grain: one organization and day. A second run makes the same macro again.
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
