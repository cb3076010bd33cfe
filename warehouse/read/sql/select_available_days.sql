-- Purpose: count the working days of the members, per day, for the report page: the denominator of lost_time_rate. A
-- person counts from member_from_on to member_to_on, and no day after the last snapshot of the organization counts.
-- Grain: one organization and day.
-- Parameters: $first_on, $last_on (both included).
-- Second run: returns the same; the statement only reads.
WITH spans AS (
    SELECT
        p.organization_id, p.calendar,
        greatest(
            p.member_from_on, $first_on::DATE,
            (SELECT min(d.date_on) FROM dim_calendar_days AS d WHERE d.calendar = p.calendar)
        ) AS from_on,
        least(p.member_to_on, $last_on::DATE, o.last_snapshot_at::DATE) AS to_on
    FROM dim_people AS p
    JOIN dim_organizations AS o USING (organization_id)
),
changes AS (
    SELECT organization_id, calendar, date_on, sum(change) AS change
    FROM (
        SELECT organization_id, calendar, from_on AS date_on, 1 AS change FROM spans WHERE from_on <= to_on
        UNION ALL
        SELECT organization_id, calendar, to_on + 1 AS date_on, -1 AS change FROM spans WHERE from_on <= to_on
    )
    GROUP BY organization_id, calendar, date_on
),
members AS (
    SELECT
        k.organization_id, d.date_on, d.is_working_day,
        sum(coalesce(c.change, 0)) OVER (PARTITION BY k.organization_id, k.calendar ORDER BY d.date_on) AS people
    FROM (SELECT DISTINCT organization_id, calendar FROM spans) AS k
    JOIN dim_calendar_days AS d ON d.calendar = k.calendar
    LEFT JOIN changes AS c
        ON c.organization_id = k.organization_id AND c.calendar = k.calendar AND c.date_on = d.date_on
    WHERE d.date_on BETWEEN $first_on AND $last_on
)
SELECT organization_id, date_on, sum(people)::BIGINT AS available_working_days
FROM members
WHERE is_working_day AND people > 0
GROUP BY organization_id, date_on
ORDER BY organization_id, date_on;
