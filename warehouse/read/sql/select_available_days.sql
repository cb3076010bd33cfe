-- Purpose: count the working days that people could work, per day, for the report page: the denominator of
-- absence_rate.
-- Grain: one organization and day.
-- Parameters: $first_on, $last_on (both included).
-- Second run: returns the same; the statement only reads.
SELECT p.organization_id, c.date_on, sum(p.people)::BIGINT AS available_working_days
FROM (
    SELECT organization_id, calendar, count(*) AS people
    FROM dim_people
    WHERE left_at IS NULL
    GROUP BY organization_id, calendar
) AS p
JOIN dim_calendar_days AS c USING (calendar)
WHERE c.is_working_day AND c.date_on BETWEEN $first_on AND $last_on
GROUP BY p.organization_id, c.date_on
ORDER BY p.organization_id, c.date_on;
