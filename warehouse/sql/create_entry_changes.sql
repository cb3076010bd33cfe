-- Purpose: what this snapshot changes: every staged entry with what became of it since the last one,
-- and every live entry that is proved gone ("vanished").
-- An entry is proved gone if its id lies in a span that the scan of the whole organization, or of its user,
-- has proved whole, or if its user is not in a users list that is proved whole (see create_absent_people;
-- their entries then are not in the organization either). A record that is there but can't be read is not gone.
-- Grain: one entry. Parameters: $organization_id. A second run makes the same table again.
CREATE OR REPLACE TEMP TABLE entry_changes AS
SELECT
    s.* EXCLUDE (page),
    CASE
        WHEN c.entry_id IS NULL THEN 'appeared'
        WHEN c.deleted_at IS NOT NULL THEN 'returned'
        WHEN (s.entry_uuid, s.user_id, s.covering_user_id, s.starts_on, s.ends_on,
              s.reason, s.reason_raw, s.has_notes, s.starts_at_raw, s.ends_at_raw, s.notes)
             IS DISTINCT FROM
             (c.entry_uuid, c.user_id, c.covering_user_id, c.starts_on, c.ends_on,
              c.reason, c.reason_raw, c.has_notes, c.starts_at_raw, c.ends_at_raw, c.notes)
        THEN 'changed'
        ELSE 'unchanged'
    END AS change,
    c.first_seen_at,
    c.user_id AS former_user_id
FROM staged_entries AS s
LEFT JOIN core.ooo_entries AS c USING (organization_id, entry_id)
UNION ALL BY NAME
SELECT
    c.* EXCLUDE (last_seen_at, deleted_at),
    'vanished' AS change,
    c.user_id AS former_user_id
FROM core.ooo_entries AS c
WHERE c.organization_id = $organization_id
  AND c.deleted_at IS NULL
  AND NOT EXISTS (FROM staged_entries AS s WHERE s.entry_id = c.entry_id)
  AND NOT EXISTS (
      FROM staged_rejects AS r WHERE r.record_kind = 'entry' AND r.record_id = c.entry_id
  )
  AND (
      EXISTS (
          FROM proven_spans AS p
          WHERE p.scope_kind = 'organization' AND c.entry_id BETWEEN p.from_id AND p.to_id
      )
      OR EXISTS (
          FROM proven_spans AS p
          WHERE p.user_id = c.user_id AND c.entry_id BETWEEN p.from_id AND p.to_id
      )
      OR c.user_id IN (FROM absent_people)
  );
