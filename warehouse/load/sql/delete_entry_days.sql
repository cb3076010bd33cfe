-- Purpose: remove the days per entry that are derived again.
-- Grain: one entry and day.
-- Second run: deletes the rows that were inserted after the first run.
DELETE FROM marts.fct_entry_days AS d
USING changed_people AS p
WHERE d.organization_id = p.organization_id AND d.user_id = p.user_id;
