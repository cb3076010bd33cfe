-- Purpose: who was erased, by number alone, so that no later run brings them back; and what is still to be
-- purged from files, because the rows are gone but their bytes are not yet.

-- Grain: one person who was erased from one organization.
CREATE TABLE ops.erased_people (
    organization_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    erased_at TIMESTAMP NOT NULL
);

-- Grain: one reason to purge. Emptied in the very file that replaces the one with the bytes.
CREATE TABLE ops.pending_purges (
    reason VARCHAR NOT NULL,
    since TIMESTAMP NOT NULL
);
