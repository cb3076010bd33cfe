-- Purpose: return the people whose days are derived again, with the number of these days.
-- Grain: one person, ascending by key.
-- Second run: returns the same; the statement only reads.
SELECT organization_id, user_id, days FROM changed_people ORDER BY organization_id, user_id;
