-- Purpose: how many people who are absent are not known.
-- Grain: one row; an offender is a person. Parameters: none. Reads only.
SELECT count(*)
FROM (SELECT DISTINCT organization_id, user_id FROM marts.person_days)
ANTI JOIN core.people USING (organization_id, user_id);
