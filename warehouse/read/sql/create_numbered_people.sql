-- Purpose: number the people of all organizations, for the contributions of each person.
-- Grain: one person.
-- Second run: replaces the table.
CREATE OR REPLACE TEMP TABLE numbered_people AS
SELECT row_number() OVER (ORDER BY organization_id, user_id) AS person, organization_id, user_id
FROM dim_people;
