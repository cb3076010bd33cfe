-- Purpose: return the live entries of the range for the report pages, without public holidays. back_on is the first
-- working day after the entry on which the person is not absent, by the work calendar of the person.
-- Grain: one entry.
-- Parameters: $first_on, $last_on (both included).
-- Second run: returns the same; the statement only reads.
WITH entries AS (
    SELECT
        e.organization_id, e.entry_id, e.user_id, e.starts_on, e.ends_on, e.reason, e.covering_user_id,
        p.calendar, k.working_day_number + 1 AS next_number
    FROM fct_ooo_entries AS e
    JOIN dim_people AS p USING (organization_id, user_id)
    LEFT JOIN dim_calendar_days AS k ON k.calendar = p.calendar AND k.date_on = e.ends_on
    WHERE e.deleted_at IS NULL AND e.reason <> 'public_holiday' AND e.starts_on <= e.ends_on
      AND e.starts_on <= $last_on AND e.ends_on >= $first_on
),
spells AS (
    SELECT organization_id, user_id, min(number) AS first_number, max(number) AS last_number
    FROM (
        SELECT
            d.organization_id, d.user_id, k.working_day_number AS number,
            k.working_day_number - row_number() OVER (
                PARTITION BY d.organization_id, d.user_id ORDER BY k.working_day_number
            ) AS spell
        FROM fct_absence_days AS d
        JOIN (SELECT DISTINCT organization_id, user_id, calendar FROM entries) AS p USING (organization_id, user_id)
        JOIN dim_calendar_days AS k ON k.calendar = p.calendar AND k.date_on = d.date_on AND k.is_working_day
        WHERE d.date_on >= $first_on
    )
    GROUP BY organization_id, user_id, spell
)
SELECT
    e.organization_id, e.user_id, e.starts_on, e.ends_on, e.reason, e.covering_user_id, b.date_on AS back_on
FROM entries AS e
LEFT JOIN spells AS s
    ON s.organization_id = e.organization_id AND s.user_id = e.user_id
    AND e.next_number BETWEEN s.first_number AND s.last_number
LEFT JOIN dim_calendar_days AS b
    ON b.calendar = e.calendar AND b.working_day_number = coalesce(s.last_number + 1, e.next_number)
    AND b.is_working_day
ORDER BY e.organization_id, e.user_id, e.starts_on, e.ends_on, e.entry_id;
