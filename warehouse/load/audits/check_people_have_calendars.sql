-- Audit: error. Promise: every person has a declared work calendar.
-- Purpose: count the people without a work calendar, or with one that `marts.dim_calendars` lacks.
-- Grain: one row; an offender is a person.
-- Second run: returns the same; the statement only reads.
SELECT count(*)
FROM core.people AS p
LEFT JOIN marts.person_calendars AS w USING (organization_id, user_id)
LEFT JOIN marts.dim_calendars AS c USING (calendar)
WHERE c.calendar IS NULL;
