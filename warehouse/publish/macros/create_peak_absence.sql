-- Purpose: the ten days from from_date to to_date, both included, on which most people are absent (and
--   ties).
-- Grain: one organization and day.
-- Formula: people_absent = different people with an entry on the day; share_absent = people_absent /
--   people who have not left. Days rank by people_absent; all days of rank 10 are there.
-- Source: the point prevalence of epidemiology, its maximum.
-- Caveats: people who have left are counted in people_absent while their entries are there, but not in
--   people, so that a share may pass 1.
-- Second run: makes the same macro again.
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
