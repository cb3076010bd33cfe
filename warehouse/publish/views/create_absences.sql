-- Purpose: List the absences, past and future, with names, teams and the reason in words.
-- Grain: one entry that counts: a live entry, or the part of an entry up to the departure of its person.
-- Caveats: Overlapping entries of one person have one row each, so count people by person_reason_months or by
--   fct_absence_days. Names and teams are the current ones. Notes are not in the view.
-- Second run: creates the same view again.
-- Columns:
--   organization_id: The id of the Cal.com organization.
--   organization: The name of the organization, or its id if it has no name.
--   entry_id: The Cal.com id of the entry.
--   user_id: The id of the absent person.
--   name: The display name of the absent person.
--   teams: The names of the teams of the person, separated by commas; null without a team.
--   reason: The reason code, see dim_reasons.
--   reason_label: The reason in words.
--   starts_on: The first day of absence, inclusive.
--   ends_on: The last day of absence, inclusive.
--   calendar_days: The number of days from starts_on to ends_on, both inclusive.
--   working_days: The number of those that are working days in the work calendar of the person.
--   covering_user_id: The id of the cover; null if the entry names none.
--   covering_name: The display name of the cover.
--   has_cover: True if the entry names another person as cover, who has not left before starts_on.
--   lead_days: The number of days from the first snapshot with the entry to starts_on; null if the entry is older
--     than the first complete run or than the first snapshot with its person. See lead_time.
--   deletion_cause: Null for a live entry; else the cause that ended it, see fct_ooo_entries.
--   is_stale: True if the latest snapshot could not confirm the entry.
CREATE OR REPLACE VIEW absences AS
SELECT
    e.organization_id, coalesce(o.name, concat('Organization ', o.organization_id)) AS organization,
    e.entry_id, e.user_id, p.name, t.teams, e.reason, r.label AS reason_label, e.starts_on,
    CASE WHEN e.deleted_at IS NULL THEN e.ends_on ELSE e.starts_on + e.materialized_days - 1 END AS ends_on,
    CASE WHEN e.deleted_at IS NULL THEN e.calendar_days ELSE e.materialized_days END AS calendar_days,
    e.working_days, e.covering_user_id, c.name AS covering_name,
    c.user_id IS NOT NULL AND c.user_id <> e.user_id AND (c.member_to_on IS NULL OR c.member_to_on >= e.starts_on)
        AS has_cover,
    CASE WHEN e.first_seen_at > o.first_complete_at AND e.first_seen_at > p.first_seen_at
        THEN e.starts_on - e.first_seen_at::DATE END AS lead_days,
    e.deletion_cause, e.is_stale
FROM fct_ooo_entries AS e
JOIN dim_organizations AS o USING (organization_id)
JOIN dim_people AS p USING (organization_id, user_id)
JOIN dim_reasons AS r USING (reason)
LEFT JOIN dim_people AS c ON c.organization_id = e.organization_id AND c.user_id = e.covering_user_id
LEFT JOIN (
    SELECT organization_id, user_id, string_agg(team, ', ' ORDER BY team, team_id) AS teams
    FROM team_members
    GROUP BY organization_id, user_id
) AS t ON t.organization_id = e.organization_id AND t.user_id = e.user_id
WHERE e.starts_on <= e.ends_on AND (e.deleted_at IS NULL OR e.materialized_days > 0);
