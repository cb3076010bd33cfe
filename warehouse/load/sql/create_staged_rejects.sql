-- Purpose: an empty table for the records that one run could not read, private to the connection.
-- Grain: one record as met on one page. A second run starts again from empty.
CREATE OR REPLACE TEMP TABLE staged_rejects (
    page INTEGER, organization_id BIGINT, record_kind VARCHAR, record_id BIGINT, user_id BIGINT, team_id BIGINT,
    problem VARCHAR, raw VARCHAR
);
