-- Purpose: how much of the absence from from_date to to_date, both included, has a cover, and one who is
--   there.
-- Grain: one organization and reason.
-- Formula: over person-days of absence on working days: share_named = days that name a cover / all;
--   share_present = days whose cover is in the organization and not absent that day / all.
-- Source: none: this program's own rule.
-- Caveats: a cover who has left is named but not present. The cover's own working days are not looked at.
--   Nobody needs a cover on a public holiday: read the rows you need. Whoever names themselves is not
--   covered.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO coverage_rate(from_date, to_date) AS TABLE
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
WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
  AND d.is_working_day
GROUP BY d.organization_id, d.reason, r.sort_order
ORDER BY d.organization_id, r.sort_order;
