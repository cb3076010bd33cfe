-- Purpose: select the days of absence of each person, and the measures that count them, from the views of
--   isolate_people.
-- Grain: one person and day of absence.
-- Parameters: $from_date, $to_date.
-- Second run: selects the same rows.
SELECT
    n.organization_id, n.person, d.date_on, d.reason,
    TRUE AS is_absent,
    d.is_working_day,
    t.user_id IS NOT NULL AS is_member_day,
    d.is_working_day AND t.user_id IS NOT NULL AND d.reason <> 'public_holiday' AS is_lost_day
FROM fct_absence_days AS d
JOIN numbered_people AS n ON n.person = d.organization_id
LEFT JOIN person_time($from_date, $to_date) AS t
    ON t.organization_id = d.organization_id AND d.date_on BETWEEN t.counted_from_on AND t.counted_to_on
WHERE d.date_on BETWEEN $from_date AND $to_date;
