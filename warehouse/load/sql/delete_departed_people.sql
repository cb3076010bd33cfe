-- Purpose: delete the staged rows of users who were listed, but left the organization while it was read: their own
-- endpoint refused them, and a second reading of the users list lacked them.
-- Grain: one staged person.
-- Parameters: $departed_user_ids.
-- Second run: deletes nothing.
DELETE FROM staged_people WHERE user_id IN (SELECT unnest($departed_user_ids::BIGINT[]));
