-- Purpose: return the absences without a present cover for the report: consecutive working days of one person with the
-- same reason, cover and kind. The kind is none (no cover is named), gone (the cover has left), away (the cover is
-- absent too) or holiday (the cover has a public holiday). Public holidays of the person need no cover.
-- Grain: one person and span of working days.
-- Parameters: $first_on, $last_on (both included).
-- Second run: returns the same; the statement only reads.
WITH gaps AS (
    SELECT
        d.organization_id, d.user_id, d.date_on, d.reason, d.covering_user_id, k.working_day_number,
        CASE
            WHEN d.covering_user_id IS NULL THEN 'none'
            WHEN c.user_id IS NULL THEN 'gone'
            WHEN a.reason = 'public_holiday' THEN 'holiday'
            ELSE 'away'
        END AS kind
    FROM fct_absence_days AS d
    JOIN dim_people AS p USING (organization_id, user_id)
    JOIN dim_calendar_days AS k ON k.calendar = p.calendar AND k.date_on = d.date_on
    LEFT JOIN dim_people AS c
        ON c.organization_id = d.organization_id AND c.user_id = d.covering_user_id AND c.left_at IS NULL
    LEFT JOIN fct_absence_days AS a
        ON a.organization_id = d.organization_id AND a.user_id = d.covering_user_id AND a.date_on = d.date_on
    WHERE d.is_working_day AND d.reason <> 'public_holiday' AND d.date_on BETWEEN $first_on AND $last_on
      AND (c.user_id IS NULL OR d.is_cover_absent)
),
numbered AS (
    SELECT
        *,
        working_day_number - row_number() OVER (
            PARTITION BY organization_id, user_id, reason, covering_user_id, kind ORDER BY working_day_number
        ) AS span
    FROM gaps
)
SELECT
    organization_id, user_id, reason, covering_user_id, kind, min(date_on) AS first_on, max(date_on) AS last_on
FROM numbered
GROUP BY organization_id, user_id, reason, covering_user_id, kind, span
ORDER BY organization_id, first_on, user_id;
