-- Purpose: how long before their first day entries were made, for those that start from from_date to
--   to_date, both included.
-- Grain: one organization and reason.
-- Formula: lead days = starts_on - the UTC date of the snapshot that first had the entry; known_entries =
--   entries whose lead is known: first seen after the organization's first complete run, and after the
--   snapshot that first had their person. Average and median are over the known ones; late_entries =
--   known ones with a negative lead.
-- Source: booking lead time, as revenue management has it; entries that were there already when
--   observation began are left-censored, in the words of survival analysis, and left out rather than
--   guessed.
-- Caveats: read share_known first: right after the first sync it is 0. An entry made between two runs
--   counts from the later, so leads are short by up to the time between runs. Where a start was moved,
--   the lead is to the start of now. Deleted and reversed entries are left out.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO lead_time(from_date, to_date) AS TABLE
WITH whole AS (
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
    WHERE e.deleted_at IS NULL
      AND e.starts_on <= e.ends_on
      AND e.starts_on BETWEEN from_date::DATE AND to_date::DATE
)
SELECT
    e.organization_id, e.reason,
    count(*) AS entries,
    count(e.lead_days) AS known_entries,
    count(e.lead_days) / count(*) AS share_known,
    avg(e.lead_days) AS average_lead_days,
    median(e.lead_days) AS median_lead_days,
    count(*) FILTER (e.lead_days < 0) AS late_entries,
    count(DISTINCT e.user_id) AS people
FROM entries AS e
JOIN dim_reasons AS r USING (reason)
GROUP BY e.organization_id, e.reason, r.sort_order
ORDER BY e.organization_id, r.sort_order;
