-- Purpose: make room for the days of some people, derived again.
-- Grain: one person and day. Parameters: $organization_id, $user_ids. A second run deletes what was put in their place.
DELETE FROM marts.person_days
WHERE organization_id = $organization_id AND user_id IN (SELECT unnest($user_ids::BIGINT[]));
