-- Purpose: hold the users who were listed, but left the organization while it was read: their own endpoint refused
-- them, and a second reading of the users list lacked them.
-- Grain: one person.
-- Second run: creates the table again, empty.
CREATE OR REPLACE TEMP TABLE staged_departures (organization_id BIGINT, user_id BIGINT);
