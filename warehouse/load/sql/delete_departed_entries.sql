-- Purpose: delete the staged entries of users who left the organization while it was read, see delete_departed_people.
-- Grain: one staged entry.
-- Parameters: $departed_user_ids.
-- Second run: deletes nothing.
DELETE FROM staged_entries WHERE user_id IN (SELECT unnest($departed_user_ids::BIGINT[]));
