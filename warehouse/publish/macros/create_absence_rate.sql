-- Purpose: Return the rows of lost_time_rate under the former name of the measure.
-- Grain: one organization with person-time in the range.
-- Formula: absence_rate = lost_time_rate. The other columns have the same names.
-- Source: as in lost_time_rate.
-- Caveats: Vacation counts as absence, so the rate is not an absence rate as most publications define it. Use
--   lost_time_rate or sickness_absence_rate in new queries.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_rate(from_date, to_date, until_snapshot := true) AS TABLE
SELECT
    organization_id, absent_working_days, available_working_days, lost_time_rate AS absence_rate, people,
    average_people, days_lost_per_person, policy
FROM lost_time_rate(from_date, to_date, until_snapshot := until_snapshot)
ORDER BY organization_id;
