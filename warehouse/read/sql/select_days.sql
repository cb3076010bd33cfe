-- Purpose: count absence per day and reason for the report: all days, those that count as lost working time (see
-- lost_time_rate), and the working days by their cover (see coverage_rate): none is named, the cover has left, the
-- cover is absent too, or the cover has a public holiday. The cover is present on the other working days.
-- Grain: one organization, day and reason.
-- Parameters: $first_on, $last_on (both included).
-- Second run: returns the same; the statement only reads.
SELECT
    d.organization_id, d.date_on, d.reason,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(*) FILTER (
        d.is_working_day AND d.reason <> 'public_holiday'
        AND d.date_on BETWEEN p.member_from_on AND least(p.member_to_on, o.last_snapshot_at::DATE)
    ) AS lost_working_days,
    count(*) FILTER (d.is_working_day AND d.covering_user_id IS NULL) AS uncovered_days,
    count(*) FILTER (d.is_working_day AND d.covering_user_id IS NOT NULL AND c.user_id IS NULL) AS cover_gone_days,
    count(*) FILTER (d.is_working_day AND d.is_cover_absent AND c.user_id IS NOT NULL AND a.user_id IS NULL)
        AS cover_away_days,
    count(*) FILTER (d.is_working_day AND d.is_cover_absent AND c.user_id IS NOT NULL AND a.user_id IS NOT NULL)
        AS cover_holiday_days
FROM fct_absence_days AS d
JOIN dim_people AS p USING (organization_id, user_id)
JOIN dim_organizations AS o USING (organization_id)
LEFT JOIN dim_people AS c
    ON c.organization_id = d.organization_id AND c.user_id = d.covering_user_id AND c.left_at IS NULL
LEFT JOIN fct_absence_days AS a
    ON a.organization_id = d.organization_id AND a.user_id = d.covering_user_id AND a.date_on = d.date_on
    AND a.reason = 'public_holiday'
WHERE d.date_on BETWEEN $first_on AND $last_on
GROUP BY d.organization_id, d.date_on, d.reason
ORDER BY d.organization_id, d.date_on, d.reason;
