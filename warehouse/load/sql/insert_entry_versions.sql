-- Purpose: insert an open version for every entry that changed. A vanished entry keeps the values of its last
-- version.
-- Grain: one version of one entry.
-- Parameters: $observed_at.
-- Second run: would insert the versions again; a snapshot is applied once.
INSERT INTO core.ooo_entry_history BY NAME
SELECT
    organization_id, entry_id, $observed_at::TIMESTAMP AS valid_from, NULL AS valid_to, change, entry_uuid,
    user_id, covering_user_id, starts_on, ends_on, calendar_days, materialized_days, reason, reason_raw,
    has_notes, starts_at_raw, ends_at_raw, is_day_aligned, date_rule, deletion_cause
FROM entry_changes
WHERE change <> 'note_changed';
