-- Purpose: the warehouse's own tables. core holds what was read, ops how, marts what is derived from both.
-- Keys are kept by the statements in sql/ and checked by audits: an index would make the nightly
-- DELETE + INSERT several times slower.

CREATE SCHEMA core;
CREATE SCHEMA marts;

-- Grain: one person who is or was in an organization.
CREATE TABLE core.people (
    organization_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    email VARCHAR,
    name VARCHAR,
    username VARCHAR,
    time_zone VARCHAR,
    locale VARCHAR,
    created_at TIMESTAMP,
    first_seen_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    left_at TIMESTAMP,
    entries_as_of TIMESTAMP
);

-- Grain: one out-of-office entry, tombstones included.
CREATE TABLE core.ooo_entries (
    organization_id BIGINT NOT NULL,
    entry_id BIGINT NOT NULL,
    entry_uuid VARCHAR NOT NULL,
    user_id BIGINT NOT NULL,
    covering_user_id BIGINT,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    calendar_days INTEGER NOT NULL,
    working_days INTEGER NOT NULL,
    reason VARCHAR NOT NULL,
    reason_raw VARCHAR,
    has_notes BOOLEAN NOT NULL,
    starts_at_raw TIMESTAMP NOT NULL,
    ends_at_raw TIMESTAMP NOT NULL,
    is_day_aligned BOOLEAN NOT NULL,
    notes VARCHAR,
    first_seen_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    deleted_at TIMESTAMP
);

-- Grain: one version of one entry, valid from valid_from up to but not including valid_to.
CREATE TABLE core.ooo_entry_history (
    organization_id BIGINT NOT NULL,
    entry_id BIGINT NOT NULL,
    valid_from TIMESTAMP NOT NULL,
    valid_to TIMESTAMP,
    change VARCHAR NOT NULL,
    entry_uuid VARCHAR NOT NULL,
    user_id BIGINT NOT NULL,
    covering_user_id BIGINT,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    calendar_days INTEGER NOT NULL,
    working_days INTEGER NOT NULL,
    reason VARCHAR NOT NULL,
    reason_raw VARCHAR,
    has_notes BOOLEAN NOT NULL,
    starts_at_raw TIMESTAMP NOT NULL,
    ends_at_raw TIMESTAMP NOT NULL,
    is_day_aligned BOOLEAN NOT NULL
);

-- Grain: one run of the pipeline.
CREATE TABLE ops.runs (
    run_id VARCHAR NOT NULL,
    organization_id BIGINT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    strategy VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    requests BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    waited_seconds DOUBLE NOT NULL,
    rows_in BIGINT NOT NULL,
    rows_inserted BIGINT NOT NULL,
    rows_updated BIGINT NOT NULL,
    rows_unchanged BIGINT NOT NULL,
    rows_quarantined BIGINT NOT NULL,
    rows_deleted BIGINT NOT NULL,
    scopes_complete BIGINT NOT NULL,
    scopes_unproven BIGINT NOT NULL,
    scopes_failed BIGINT NOT NULL,
    error VARCHAR
);

-- Grain: one scope of one run: all users, all entries of the organization, or one user's entries.
CREATE TABLE ops.scopes (
    run_id VARCHAR NOT NULL,
    organization_id BIGINT NOT NULL,
    scope_kind VARCHAR NOT NULL,
    user_id BIGINT,
    verdict VARCHAR NOT NULL,
    pages BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    repairs BIGINT NOT NULL,
    proven_spans STRUCT(from_id BIGINT, to_id BIGINT)[] NOT NULL,
    rows BIGINT,
    id_checksum VARCHAR,
    problem VARCHAR
);

-- Grain: one record that a run could not read.
CREATE TABLE ops.quarantine (
    run_id VARCHAR NOT NULL,
    organization_id BIGINT NOT NULL,
    record_kind VARCHAR NOT NULL,
    record_id BIGINT,
    user_id BIGINT,
    problem VARCHAR NOT NULL,
    raw VARCHAR NOT NULL,
    seen_at TIMESTAMP NOT NULL
);

-- Grain: one entry that the two strategies of one run did not read alike.
CREATE TABLE ops.differences (
    run_id VARCHAR NOT NULL,
    organization_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    entry_id BIGINT NOT NULL,
    difference VARCHAR NOT NULL,
    columns VARCHAR
);

-- Grain: one day of one live entry.
CREATE TABLE marts.fct_entry_days (
    organization_id BIGINT NOT NULL,
    entry_id BIGINT NOT NULL,
    date_on DATE NOT NULL,
    user_id BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    is_working_day BOOLEAN NOT NULL
);

-- Grain: one day on which a person is absent.
CREATE TABLE marts.person_days (
    organization_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    date_on DATE NOT NULL,
    reason VARCHAR NOT NULL,
    entry_count INTEGER NOT NULL,
    is_working_day BOOLEAN NOT NULL,
    covering_user_id BIGINT
);

-- Grain: one day of the calendar.
CREATE TABLE marts.dim_dates (
    date_on DATE NOT NULL,
    year INTEGER NOT NULL,
    quarter INTEGER NOT NULL,
    month INTEGER NOT NULL,
    iso_week INTEGER NOT NULL,
    weekday INTEGER NOT NULL,
    is_weekend BOOLEAN NOT NULL
);

-- Grain: one reason code.
CREATE TABLE marts.dim_reasons (
    reason VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    is_standard BOOLEAN NOT NULL,
    sort_order INTEGER NOT NULL
);
