-- Purpose: how many people have no work calendar, or one that is not declared.
-- Grain: one row; an offender is a person. Parameters: none. Reads only.
SELECT count(*)
FROM core.people AS p
LEFT JOIN marts.person_calendars AS w USING (organization_id, user_id)
LEFT JOIN marts.dim_calendars AS c USING (calendar)
WHERE c.calendar IS NULL;
