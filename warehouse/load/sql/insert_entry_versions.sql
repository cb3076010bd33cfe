-- Purpose: insert an open version for every entry that changed. A vanished entry keeps the values of its last
-- version.
-- Grain: one version of one entry.
-- Second run: would insert the versions again; a snapshot is applied once.
INSERT INTO core.ooo_entry_history BY NAME
SELECT
    e.organization_id, e.entry_id, n.observed_at AS valid_from, NULL AS valid_to, e.change, e.entry_uuid,
    e.user_id, e.covering_user_id, e.starts_on, e.ends_on, e.calendar_days, e.materialized_days, e.reason,
    e.reason_raw, e.has_notes, e.starts_at_raw, e.ends_at_raw, e.is_day_aligned, e.date_rule, e.deletion_cause
FROM entry_changes AS e
JOIN staged_snapshots AS n ON n.organization_id = e.organization_id
WHERE e.change <> 'note_changed';
