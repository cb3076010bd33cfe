-- Audit: error. Promise: every day of absence has its person.
-- Purpose: count the people who have days of absence and no row in `core.people`.
-- Grain: one row; an offender is a person.
-- Second run: returns the same; the statement only reads.
SELECT count(*)
FROM (SELECT DISTINCT organization_id, user_id FROM marts.person_days)
ANTI JOIN core.people USING (organization_id, user_id);
