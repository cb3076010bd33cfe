-- Purpose: Return the number of days between the creation and the first day of the entries that start between
--   from_date and to_date, both inclusive.
-- Grain: one organization and reason.
-- Formula: The lead of an entry is starts_on - the UTC date of the snapshot that first contained the entry.
--   known_entries = the number of entries whose lead is known: they were first seen after the first complete run of
--   the organization, and after the snapshot that first contained their person. share_known = known_entries /
--   entries. average_lead_days and median_lead_days are over the known leads. late_entries = the number of negative
--   leads; it is null if no lead is known.
-- Source: the booking lead time in revenue management. Entries that existed before the observation began are
--   left-censored in terms of survival analysis, and are left out instead of estimated.
-- Caveats: Check share_known first: directly after the first sync it is 0. An entry that was made between two runs
--   counts from the later run, so a lead is too short by up to the time between the runs. If the start of an entry
--   was moved, the current start counts. Deleted entries and entries that end before they start are left out.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO lead_time(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
),
whole AS (
    SELECT organization_id, min(started_at) AS whole_at FROM runs WHERE outcome = 'complete' GROUP BY organization_id
),
entries AS (
    SELECT
        e.organization_id, e.reason, e.user_id,
        CASE WHEN e.first_seen_at > w.whole_at AND e.first_seen_at > p.first_seen_at
            THEN e.starts_on - e.first_seen_at::DATE END AS lead_days
    FROM fct_ooo_entries AS e
    JOIN dim_people AS p USING (organization_id, user_id)
    LEFT JOIN whole AS w USING (organization_id)
    JOIN asked AS q ON e.starts_on BETWEEN q.first_on AND q.last_on
    WHERE e.deleted_at IS NULL
      AND e.starts_on <= e.ends_on
)
SELECT
    e.organization_id, e.reason,
    count(*) AS entries,
    count(e.lead_days) AS known_entries,
    count(e.lead_days) / count(*) AS share_known,
    avg(e.lead_days) AS average_lead_days,
    median(e.lead_days) AS median_lead_days,
    CASE WHEN count(e.lead_days) > 0 THEN count(*) FILTER (e.lead_days < 0) END AS late_entries,
    count(DISTINCT e.user_id) AS people
FROM entries AS e
JOIN dim_reasons AS r USING (reason)
GROUP BY e.organization_id, e.reason, r.sort_order
ORDER BY e.organization_id, r.sort_order;
