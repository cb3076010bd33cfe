-- Purpose: List the people who are absent today, with the day on which they are back and their cover.
-- Grain: one person who is absent on the current date of the reader.
-- Caveats: Today is the current date of the session that reads the view. The data are those of data_as_of. A public
--   holiday that was entered as an absence is in the view. On days off, people in a longer absence are in the view.
-- Second run: creates the same view again.
-- Columns:
--   organization_id: The id of the Cal.com organization.
--   organization: The name of the organization, or its id if it has no name.
--   user_id: The id of the absent person.
--   name: The display name of the absent person.
--   teams: The names of the teams of the person, separated by commas; null without a team.
--   reason: The reason that counts today: the first one by dim_reasons.sort_order.
--   reason_label: The reason in words.
--   starts_on: The first day of the earliest entry that covers today.
--   ends_on: The last day of the latest entry that covers today.
--   back_on: The first working day of the person after today without an absence; null if it is more than a year away.
--   is_working_day: True if today is a working day in the work calendar of the person.
--   covering_user_id: The id of the cover; null without a cover.
--   covering_name: The display name of the cover.
--   is_cover_absent: True if the cover is absent today too; null without a cover.
--   data_as_of: The latest snapshot of the organization, UTC.
CREATE OR REPLACE VIEW out_today AS
WITH absent AS (
    SELECT d.*, p.calendar
    FROM fct_absence_days AS d
    JOIN dim_people AS p USING (organization_id, user_id)
    WHERE d.date_on = current_date
),
returns AS (
    SELECT a.organization_id, a.user_id, min(k.date_on) AS back_on
    FROM absent AS a
    JOIN dim_calendar_days AS k
        ON k.calendar = a.calendar AND k.is_working_day
        AND k.date_on > current_date AND k.date_on <= current_date + 366
    LEFT JOIN fct_absence_days AS d
        ON d.organization_id = a.organization_id AND d.user_id = a.user_id AND d.date_on = k.date_on
    WHERE d.user_id IS NULL
    GROUP BY a.organization_id, a.user_id
),
spans AS (
    SELECT
        organization_id, user_id, any_value(organization) AS organization, any_value(name) AS name,
        any_value(teams) AS teams, min(starts_on) AS starts_on, max(ends_on) AS ends_on
    FROM absences
    WHERE current_date BETWEEN starts_on AND ends_on
    GROUP BY organization_id, user_id
)
SELECT
    a.organization_id, s.organization, a.user_id, s.name, s.teams, a.reason, r.label AS reason_label,
    s.starts_on, s.ends_on, b.back_on, a.is_working_day, a.covering_user_id, c.name AS covering_name,
    a.is_cover_absent, o.last_snapshot_at AS data_as_of
FROM absent AS a
JOIN spans AS s USING (organization_id, user_id)
JOIN dim_organizations AS o USING (organization_id)
JOIN dim_reasons AS r USING (reason)
LEFT JOIN returns AS b USING (organization_id, user_id)
LEFT JOIN dim_people AS c ON c.organization_id = a.organization_id AND c.user_id = a.covering_user_id;
