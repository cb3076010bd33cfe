-- Purpose: List for each cover and day the people for whom the cover stands in.
-- Grain: one cover and day that is a working day of at least one covered person.
-- Caveats: Each absent person has one cover per day, see fct_absence_days. A person who is their own cover is left
--   out. The cover of a past day may have left since.
-- Second run: creates the same view again.
-- Columns:
--   organization_id: The id of the Cal.com organization.
--   organization: The name of the organization, or its id if it has no name.
--   covering_user_id: The id of the cover.
--   covering_name: The display name of the cover.
--   date_on: The day.
--   people_covered: The number of absent people who name the cover for the day.
--   covered_names: The names of those people, separated by commas.
--   is_cover_absent: True if the cover is absent on the day too.
--   has_cover_left: True if the cover has left the organization before the day, or is not known.
CREATE OR REPLACE VIEW cover_days AS
SELECT
    d.organization_id, any_value(coalesce(o.name, concat('Organization ', o.organization_id))) AS organization,
    d.covering_user_id, any_value(c.name) AS covering_name, d.date_on,
    count(*) AS people_covered,
    string_agg(p.name, ', ' ORDER BY p.name, p.user_id) AS covered_names,
    any_value(d.is_cover_absent) AS is_cover_absent,
    any_value(c.user_id IS NULL OR coalesce(c.member_to_on < d.date_on, false)) AS has_cover_left
FROM fct_absence_days AS d
JOIN dim_organizations AS o USING (organization_id)
JOIN dim_people AS p USING (organization_id, user_id)
LEFT JOIN dim_people AS c ON c.organization_id = d.organization_id AND c.user_id = d.covering_user_id
WHERE d.is_working_day AND d.covering_user_id <> d.user_id
GROUP BY d.organization_id, d.covering_user_id, d.date_on;
