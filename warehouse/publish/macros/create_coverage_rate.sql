-- Purpose: Return the share of the absence between from_date and to_date, both inclusive, that has a cover, and the
--   share whose cover is present.
-- Grain: one organization and reason.
-- Formula: The shares are over the person-days of absence on working days. share_named = days that name a cover /
--   all days. share_present = days whose cover is in the organization and not absent on that day / all days.
-- Source: none; it is a rule of this program.
-- Caveats: A cover who has left counts as named but not as present. The working days of the cover are not
--   considered. A public holiday needs no cover, so select the reasons that you need. A person who is their own
--   cover does not count as present.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO coverage_rate(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
)
SELECT
    d.organization_id, d.reason,
    count(*) AS absence_working_days,
    count(d.covering_user_id) AS named_days,
    count(*) FILTER (c.user_id IS NOT NULL AND NOT d.is_cover_absent) AS present_days,
    count(d.covering_user_id) / count(*) AS share_named,
    count(*) FILTER (c.user_id IS NOT NULL AND NOT d.is_cover_absent) / count(*) AS share_present,
    count(DISTINCT d.user_id) AS people
FROM fct_absence_days AS d
JOIN dim_reasons AS r USING (reason)
LEFT JOIN dim_people AS c
    ON c.organization_id = d.organization_id AND c.user_id = d.covering_user_id AND c.left_at IS NULL
JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
WHERE d.is_working_day
GROUP BY d.organization_id, d.reason, r.sort_order
ORDER BY d.organization_id, r.sort_order;
