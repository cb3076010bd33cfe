-- Purpose: say why an entry is gone, and which rule gave an entry its dates.
-- Entries that vanished because their person left keep the days before the departure. Rows that old versions of
-- Cal.com stored in a server's local time get the dates of the nearest midnights; each live one of them gets a version
-- in the history with the change `reinterpreted`. The days of the affected people are derived again by the next load.
-- Effect of a second run: none; each migration is applied once.
DROP VIEW IF EXISTS marts.fct_ooo_entries;
DROP VIEW IF EXISTS marts.ooo_entry_history;

-- Grain: one organization, with the API from which it was read; null until the next load.
CREATE TABLE core.organizations (organization_id BIGINT NOT NULL, api_url VARCHAR, name VARCHAR);

ALTER TABLE ops.runs RENAME TO former_runs;
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
    notes_changed BIGINT NOT NULL,
    scopes_complete BIGINT NOT NULL,
    scopes_unproven BIGINT NOT NULL,
    scopes_failed BIGINT NOT NULL,
    error VARCHAR
);
INSERT INTO ops.runs BY NAME SELECT *, 0 AS notes_changed FROM ops.former_runs;
DROP TABLE ops.former_runs;

-- The rules for dates are those of transforms/entries.py.
CREATE TEMP TABLE redated AS
SELECT
    organization_id, entry_id, starts_on, ends_on,
    CASE WHEN starts_on BETWEEN DATE '1970-01-01' AND DATE '2099-12-31'
        THEN least(ends_on - starts_on + 1, DATE '2099-12-31' - starts_on + 1, 3653) ELSE 0 END AS materialized_days
FROM (
    SELECT
        organization_id, entry_id,
        (starts_at_raw + INTERVAL 12 HOUR)::DATE AS starts_on,
        (ends_at_raw + INTERVAL 1 MILLISECOND + INTERVAL 12 HOUR)::DATE - 1 AS ends_on,
        epoch(ends_at_raw - starts_at_raw) AS seconds
    FROM core.ooo_entries
    WHERE NOT is_day_aligned
)
WHERE round(seconds / 86400) >= 1 AND abs(seconds - 86400 * round(seconds / 86400)) <= 3601;

ALTER TABLE core.ooo_entries RENAME TO former_entries;
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
    materialized_days INTEGER NOT NULL,
    reason VARCHAR NOT NULL,
    reason_raw VARCHAR,
    has_notes BOOLEAN NOT NULL,
    starts_at_raw TIMESTAMP NOT NULL,
    ends_at_raw TIMESTAMP NOT NULL,
    is_day_aligned BOOLEAN NOT NULL,
    date_rule VARCHAR NOT NULL,
    notes VARCHAR,
    first_seen_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    deleted_at TIMESTAMP,
    deletion_cause VARCHAR
);
INSERT INTO core.ooo_entries BY NAME
SELECT
    e.* EXCLUDE (starts_on, ends_on, calendar_days, materialized_days),
    coalesce(r.starts_on, e.starts_on) AS starts_on,
    coalesce(r.ends_on, e.ends_on) AS ends_on,
    coalesce(r.ends_on - r.starts_on + 1, e.calendar_days) AS calendar_days,
    coalesce(r.materialized_days, e.materialized_days) AS materialized_days,
    CASE WHEN e.is_day_aligned THEN 'day_aligned' WHEN r.entry_id IS NULL THEN 'date_parts' ELSE 'nearest_midnight' END
        AS date_rule,
    CASE WHEN e.deleted_at IS NULL THEN NULL WHEN p.left_at = e.deleted_at THEN 'person_left' ELSE 'deleted' END
        AS deletion_cause
FROM core.former_entries AS e
LEFT JOIN redated AS r USING (organization_id, entry_id)
LEFT JOIN core.people AS p ON p.organization_id = e.organization_id AND p.user_id = e.user_id;
DROP TABLE core.former_entries;

ALTER TABLE core.ooo_entry_history RENAME TO former_history;
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
    materialized_days INTEGER NOT NULL,
    reason VARCHAR NOT NULL,
    reason_raw VARCHAR,
    has_notes BOOLEAN NOT NULL,
    starts_at_raw TIMESTAMP NOT NULL,
    ends_at_raw TIMESTAMP NOT NULL,
    is_day_aligned BOOLEAN NOT NULL,
    date_rule VARCHAR NOT NULL,
    deletion_cause VARCHAR
);
-- A new version begins right after the latest version of its organization, so that the order of versions holds.
CREATE TEMP TABLE reinterpreted AS
SELECT
    e.organization_id, e.entry_id,
    (SELECT greatest(max(h.valid_from), max(h.valid_to)) FROM core.former_history AS h
        WHERE h.organization_id = e.organization_id) + INTERVAL 1 MICROSECOND AS valid_from
FROM core.ooo_entries AS e
WHERE e.date_rule = 'nearest_midnight' AND e.deleted_at IS NULL;
INSERT INTO core.ooo_entry_history BY NAME
SELECT
    h.* EXCLUDE (valid_to),
    coalesce(h.valid_to, r.valid_from) AS valid_to,
    CASE WHEN h.is_day_aligned THEN 'day_aligned' ELSE 'date_parts' END AS date_rule,
    CASE WHEN h.change <> 'vanished' THEN NULL WHEN p.left_at = h.valid_from THEN 'person_left' ELSE 'deleted' END
        AS deletion_cause
FROM core.former_history AS h
LEFT JOIN reinterpreted AS r USING (organization_id, entry_id)
LEFT JOIN core.people AS p ON p.organization_id = h.organization_id AND p.user_id = h.user_id;
INSERT INTO core.ooo_entry_history BY NAME
SELECT
    r.organization_id, r.entry_id, r.valid_from, 'reinterpreted' AS change, e.entry_uuid, e.user_id,
    e.covering_user_id, e.starts_on, e.ends_on, e.calendar_days, e.materialized_days, e.reason, e.reason_raw,
    e.has_notes, e.starts_at_raw, e.ends_at_raw, e.is_day_aligned, e.date_rule
FROM reinterpreted AS r JOIN core.ooo_entries AS e USING (organization_id, entry_id);
DROP TABLE core.former_history;

-- No calendar has these rules, so the days of the affected people are derived again.
UPDATE marts.person_calendars AS c SET rules = 'none yet'
WHERE EXISTS (
    FROM core.ooo_entries AS e
    WHERE e.organization_id = c.organization_id AND e.user_id = c.user_id
      AND (e.deletion_cause = 'person_left' OR e.date_rule = 'nearest_midnight')
);
DROP TABLE reinterpreted;
DROP TABLE redated;
