-- Purpose: count absence per day and reason for the report page: all days, those that count as lost working time
-- (see lost_time_rate), and those on which the cover is absent too (see coverage_conflicts).
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
    count(*) FILTER (d.is_cover_absent) AS conflict_days
FROM fct_absence_days AS d
JOIN dim_people AS p USING (organization_id, user_id)
JOIN dim_organizations AS o USING (organization_id)
WHERE d.date_on BETWEEN $first_on AND $last_on
GROUP BY d.organization_id, d.date_on, d.reason
ORDER BY d.organization_id, d.date_on, d.reason;
