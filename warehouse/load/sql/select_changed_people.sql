-- Purpose: the people whose days have to be derived again, ascending, with how many days that is.
-- Grain: one person. Reads only.
SELECT organization_id, user_id, days FROM changed_people ORDER BY organization_id, user_id;
