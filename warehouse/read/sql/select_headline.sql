-- Purpose: return the headline figures of the published tables, over all organizations.
-- Grain: one row.
-- Parameters: $today_on.
-- Second run: returns the same; the statement only reads.
SELECT
    (SELECT count(*) FROM dim_people AS p WHERE p.left_at IS NULL) AS people,
    (SELECT count(*) FROM fct_ooo_entries AS e WHERE e.deleted_at IS NULL) AS entries,
    (SELECT count(*) FROM fct_absence_days AS d WHERE d.date_on = $today_on) AS people_out_today,
    (
        SELECT count(*)
        FROM fct_absence_days AS d
        WHERE d.is_working_day AND d.date_on BETWEEN $today_on - 29 AND $today_on
    ) AS absence_working_days_of_30_days;
