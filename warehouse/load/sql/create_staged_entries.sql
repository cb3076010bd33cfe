-- Purpose: an empty table for the entries that one run has read, private to the connection.
-- Grain: one entry as read on one page. A second run starts again from empty.
CREATE OR REPLACE TEMP TABLE staged_entries (
    page INTEGER, organization_id BIGINT, entry_id BIGINT, entry_uuid VARCHAR, user_id BIGINT,
    covering_user_id BIGINT, starts_on DATE, ends_on DATE, calendar_days INTEGER, materialized_days INTEGER,
    reason VARCHAR, reason_raw VARCHAR, has_notes BOOLEAN, starts_at_raw TIMESTAMP, ends_at_raw TIMESTAMP,
    is_day_aligned BOOLEAN, notes VARCHAR
);
