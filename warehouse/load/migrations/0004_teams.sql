-- Purpose: teams and who is in them, and which team a scope, or a record that could not be read, was of.

-- Grain: one team that is or was in an organization.
CREATE TABLE core.teams (
    organization_id BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    parent_team_id BIGINT,
    name VARCHAR,
    slug VARCHAR,
    is_private BOOLEAN,
    time_zone VARCHAR,
    first_seen_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    deleted_at TIMESTAMP
);

-- Grain: one person in one team, now or formerly.
CREATE TABLE core.team_members (
    organization_id BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    membership_id BIGINT NOT NULL,
    role VARCHAR NOT NULL,
    is_accepted BOOLEAN NOT NULL,
    first_seen_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    left_at TIMESTAMP
);

ALTER TABLE ops.scopes ADD COLUMN team_id BIGINT;

ALTER TABLE ops.quarantine ADD COLUMN team_id BIGINT;
