-- Purpose: an empty table for the people that one run has read, private to the connection.
-- Grain: one person as read on one page. A second run starts again from empty.
CREATE OR REPLACE TEMP TABLE staged_people (
    page INTEGER, organization_id BIGINT, user_id BIGINT, email VARCHAR, name VARCHAR, username VARCHAR,
    time_zone VARCHAR, locale VARCHAR, created_at TIMESTAMP
);
