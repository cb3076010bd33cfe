-- Purpose: what the audits before each publication found.
-- Grain: one audit of one run's publication.
CREATE TABLE ops.audits (
    run_id VARCHAR NOT NULL,
    audit VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    promise VARCHAR NOT NULL,
    offending_rows BIGINT NOT NULL,
    checked_at TIMESTAMP NOT NULL
);
