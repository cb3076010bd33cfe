-- Purpose: Return the share of working days lost to sickness between from_date and to_date, both inclusive, with
--   its parts in long and short spells and the number of new spells.
-- Grain: one organization with person-time in the range.
-- Formula: sickness_absence_rate = sick_working_days / available_working_days, over the person-time (see
--   person_time). Only days that count as sick are in the numerator. long_term_working_days = the number of those
--   in spells (see absence_spells) of at least 28 calendar days, by the whole length of the spell.
--   short_term_working_days = the number of the others. long_term_rate and short_term_rate add up to the rate.
--   average_people = member_days / range_days. days_lost_per_person = sick_working_days / average_people.
--   new_spells = the number of sick spells that start in the person-time. new_spells_per_person_year = new_spells /
--   (member_days / 365.25). people_absent = the number of people with a day in the numerator.
-- Source: the sickness absence rate of CIPD (Absence measurement) and Acas (Managing attendance and employee
--   turnover), with CIPD's limit of four weeks for long-term absence.
-- Caveats: Days after the date of the last snapshot of the organization do not count, unless until_snapshot is
--   false. Unplanned absence under another reason is not known, so it does not count. Out-of-office entries are not
--   a record of sickness. The rates are null if there is no working day.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO sickness_absence_rate(from_date, to_date, until_snapshot := true) AS TABLE
WITH members AS MATERIALIZED (
    FROM person_time(from_date, to_date, until_snapshot := until_snapshot)
),
spells AS MATERIALIZED (
    FROM absence_spells(from_date, to_date) WHERE reason = 'sick'
),
sick AS (
    SELECT
        d.organization_id, d.user_id, count(*) AS sick_days,
        count(*) FILTER (s.calendar_days >= 28) AS long_days
    FROM fct_absence_days AS d
    JOIN members AS m
        ON m.organization_id = d.organization_id AND m.user_id = d.user_id
        AND d.date_on BETWEEN m.counted_from_on AND m.counted_to_on
    JOIN spells AS s
        ON s.organization_id = d.organization_id AND s.user_id = d.user_id
        AND d.date_on BETWEEN s.starts_on AND s.ends_on
    WHERE d.reason = 'sick' AND d.is_working_day
    GROUP BY d.organization_id, d.user_id
),
started AS (
    SELECT m.organization_id, m.user_id, count(*) AS new_spells
    FROM members AS m
    JOIN spells AS s
        ON s.organization_id = m.organization_id AND s.user_id = m.user_id
        AND s.starts_on BETWEEN m.counted_from_on AND m.counted_to_on
    GROUP BY m.organization_id, m.user_id
),
sums AS (
    SELECT
        m.organization_id,
        coalesce(sum(d.sick_days), 0)::BIGINT AS sick_days,
        coalesce(sum(d.long_days), 0)::BIGINT AS long_days,
        sum(m.available_working_days)::BIGINT AS available_days,
        coalesce(sum(n.new_spells), 0)::BIGINT AS new_spells,
        count(d.user_id) AS people_absent,
        count(*) AS people,
        sum(m.member_days)::BIGINT AS member_days,
        any_value(m.range_days) AS range_days
    FROM members AS m
    LEFT JOIN sick AS d ON d.organization_id = m.organization_id AND d.user_id = m.user_id
    LEFT JOIN started AS n ON n.organization_id = m.organization_id AND n.user_id = m.user_id
    GROUP BY m.organization_id
)
SELECT
    organization_id,
    sick_days AS sick_working_days,
    long_days AS long_term_working_days,
    sick_days - long_days AS short_term_working_days,
    available_days AS available_working_days,
    sick_days / nullif(available_days, 0) AS sickness_absence_rate,
    long_days / nullif(available_days, 0) AS long_term_rate,
    (sick_days - long_days) / nullif(available_days, 0) AS short_term_rate,
    sick_days / (member_days / range_days) AS days_lost_per_person,
    new_spells,
    new_spells / (member_days / 365.25::DOUBLE) AS new_spells_per_person_year,
    people_absent, people,
    member_days / range_days AS average_people
FROM sums
ORDER BY organization_id;
