-- Purpose: say why an entry is gone, and which rule gave an entry its dates.
-- Entries that vanished because their person left keep the days before the departure. Rows that old versions of
-- Cal.com stored in a server's local time get the dates of the nearest midnights; each of them gets a version in the
-- history with the change `reinterpreted`. The days of the affected people are derived again by the next load.
-- Effect of a second run: none; each migration is applied once.
DROP VIEW IF EXISTS marts.fct_ooo_entries;
DROP VIEW IF EXISTS marts.ooo_entry_history;

ALTER TABLE core.ooo_entries ADD COLUMN date_rule VARCHAR DEFAULT 'date_parts';
ALTER TABLE core.ooo_entries ADD COLUMN deletion_cause VARCHAR;
ALTER TABLE core.ooo_entry_history ADD COLUMN date_rule VARCHAR DEFAULT 'date_parts';
ALTER TABLE core.ooo_entry_history ADD COLUMN deletion_cause VARCHAR;

-- Grain: one organization, with the API from which it was read; null until the next load.
CREATE TABLE core.organizations (organization_id BIGINT NOT NULL, api_url VARCHAR, name VARCHAR);
ALTER TABLE ops.runs ADD COLUMN notes_changed BIGINT DEFAULT 0;

UPDATE core.ooo_entries AS e SET deletion_cause = CASE WHEN EXISTS (
    FROM core.people AS p
    WHERE p.organization_id = e.organization_id AND p.user_id = e.user_id AND p.left_at = e.deleted_at
) THEN 'person_left' ELSE 'deleted' END
WHERE e.deleted_at IS NOT NULL;
UPDATE core.ooo_entry_history AS h SET deletion_cause = CASE WHEN EXISTS (
    FROM core.people AS p
    WHERE p.organization_id = h.organization_id AND p.user_id = h.user_id AND p.left_at = h.valid_from
) THEN 'person_left' ELSE 'deleted' END
WHERE h.change = 'vanished';

UPDATE core.ooo_entries SET date_rule = 'day_aligned' WHERE is_day_aligned;
UPDATE core.ooo_entry_history SET date_rule = 'day_aligned' WHERE is_day_aligned;

CREATE TEMP TABLE reinterpreted AS
SELECT
    organization_id, entry_id,
    (starts_at_raw + INTERVAL 12 HOUR)::DATE AS starts_on,
    (ends_at_raw + INTERVAL 1 MILLISECOND + INTERVAL 12 HOUR)::DATE - 1 AS ends_on
FROM core.ooo_entries
WHERE NOT is_day_aligned
  AND round(epoch(ends_at_raw - starts_at_raw) / 86400) >= 1
  AND abs(epoch(ends_at_raw - starts_at_raw) - 86400 * round(epoch(ends_at_raw - starts_at_raw) / 86400)) <= 3601;

CREATE TEMP TABLE redated AS
SELECT
    e.* EXCLUDE (starts_on, ends_on, calendar_days, materialized_days, date_rule),
    r.starts_on, r.ends_on, 'nearest_midnight' AS date_rule,
    greatest(r.ends_on - r.starts_on + 1, 0)::INTEGER AS calendar_days
FROM core.ooo_entries AS e JOIN reinterpreted AS r USING (organization_id, entry_id);
ALTER TABLE redated ADD COLUMN materialized_days INTEGER;
UPDATE redated SET materialized_days =
    CASE WHEN starts_on BETWEEN DATE '1970-01-01' AND DATE '2099-12-31'
    THEN least(calendar_days, DATE '2099-12-31' - starts_on + 1, 3653) ELSE 0 END;

DELETE FROM core.ooo_entries WHERE (organization_id, entry_id) IN (SELECT (organization_id, entry_id) FROM redated);
INSERT INTO core.ooo_entries BY NAME FROM redated;

-- The version begins right after the latest version of the organization, so that the order of versions holds.
CREATE TEMP TABLE instants AS
SELECT organization_id, greatest(max(valid_from), max(valid_to)) + INTERVAL 1 MICROSECOND AS reinterpreted_at
FROM core.ooo_entry_history GROUP BY organization_id;
UPDATE core.ooo_entry_history AS h SET valid_to = i.reinterpreted_at
FROM redated AS r JOIN instants AS i USING (organization_id)
WHERE h.organization_id = r.organization_id AND h.entry_id = r.entry_id
  AND h.valid_to IS NULL AND r.deleted_at IS NULL;
INSERT INTO core.ooo_entry_history BY NAME
SELECT
    r.organization_id, r.entry_id, i.reinterpreted_at AS valid_from, NULL AS valid_to, 'reinterpreted' AS change,
    r.entry_uuid, r.user_id, r.covering_user_id, r.starts_on, r.ends_on, r.calendar_days, r.materialized_days,
    r.reason, r.reason_raw, r.has_notes, r.starts_at_raw, r.ends_at_raw, r.is_day_aligned, r.date_rule
FROM redated AS r JOIN instants AS i USING (organization_id)
WHERE r.deleted_at IS NULL;

-- No calendar has these rules, so the days of the affected people are derived again.
UPDATE marts.person_calendars AS c SET rules = 'none yet'
WHERE EXISTS (
    FROM core.ooo_entries AS e
    WHERE e.organization_id = c.organization_id AND e.user_id = c.user_id
      AND (e.deletion_cause = 'person_left' OR e.date_rule = 'nearest_midnight')
);
DROP TABLE reinterpreted;
DROP TABLE redated;
DROP TABLE instants;
