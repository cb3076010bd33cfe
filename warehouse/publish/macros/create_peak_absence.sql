-- Purpose: Return the ten days between from_date and to_date, both inclusive, with the most absent people, and all
--   days that tie with the tenth.
-- Grain: one organization and day.
-- Formula: people_absent = the number of different people with an entry on the day. share_absent = people_absent /
--   the number of people on the day (see headcount_by_day). The days are ranked by people_absent, and all days up
--   to rank 10 are returned.
-- Source: the maximum of the point prevalence in epidemiology.
-- Caveats: Days after the last snapshot count as planned, with the people of the last snapshot. The dates must be
--   from 1970 to 2099.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO peak_absence(from_date, to_date) AS TABLE
SELECT
    d.organization_id, d.date_on, count(*) AS people_absent,
    count(*) / any_value(h.people) AS share_absent
FROM headcount_by_day(from_date, to_date, until_snapshot := false) AS h
JOIN fct_absence_days AS d ON d.organization_id = h.organization_id AND d.date_on = h.date_on
GROUP BY d.organization_id, d.date_on
QUALIFY rank() OVER (PARTITION BY d.organization_id ORDER BY count(*) DESC) <= 10
ORDER BY d.organization_id, people_absent DESC, d.date_on;
