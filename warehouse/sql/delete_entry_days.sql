-- Purpose: make room for the days that are derived again.
-- Grain: one entry and day. Parameters: $organization_id. A second run deletes what was put in their place.
DELETE FROM marts.fct_entry_days
WHERE organization_id = $organization_id AND user_id IN (SELECT user_id FROM changed_people);
