-- Purpose: compare the staged entries with the stored ones: every staged entry that differs, with its change since the
-- last snapshot, and every live entry that is proved gone (`vanished`). Unchanged entries, which are nearly all entries
-- of most nights, are not copied. An entry is proved gone if its id lies in a span
-- that the scan of the organization, or of its user, has proved complete, or if its user is absent (see
-- create_absent_people). A record that is there but failed validation is not gone.
-- The cause of a vanished entry: its person is absent, its cover became absent in this snapshot (deleting a user
-- deletes the entries that the user covers), or a person deleted it. A note is no published fact of an entry, so a
-- change of its text alone makes no version.
-- Grain: one entry with a change.
-- Second run: creates the same table again.
CREATE OR REPLACE TEMP TABLE entry_changes AS
SELECT * FROM (
    SELECT
        s.* EXCLUDE (page),
        CASE
            WHEN c.entry_id IS NULL THEN 'appeared'
            WHEN c.deleted_at IS NOT NULL THEN 'returned'
            WHEN s.entry_uuid IS DISTINCT FROM c.entry_uuid
                OR s.user_id IS DISTINCT FROM c.user_id
                OR s.covering_user_id IS DISTINCT FROM c.covering_user_id
                OR s.starts_on IS DISTINCT FROM c.starts_on
                OR s.ends_on IS DISTINCT FROM c.ends_on
                OR s.reason IS DISTINCT FROM c.reason
                OR s.reason_raw IS DISTINCT FROM c.reason_raw
                OR s.has_notes IS DISTINCT FROM c.has_notes
                OR s.starts_at_raw IS DISTINCT FROM c.starts_at_raw
                OR s.ends_at_raw IS DISTINCT FROM c.ends_at_raw
            THEN CASE
                WHEN s.starts_at_raw IS DISTINCT FROM c.starts_at_raw OR s.ends_at_raw IS DISTINCT FROM c.ends_at_raw
                    OR s.date_rule IS NOT DISTINCT FROM c.date_rule
                THEN 'changed' ELSE 'reinterpreted' END
            WHEN s.date_rule IS DISTINCT FROM c.date_rule THEN 'reinterpreted'
            WHEN s.notes IS DISTINCT FROM c.notes THEN 'note_changed'
            ELSE 'unchanged'
        END AS change,
        NULL AS deletion_cause,
        c.first_seen_at,
        c.user_id AS former_user_id
    FROM staged_entries AS s
    LEFT JOIN core.ooo_entries AS c USING (organization_id, entry_id)
)
WHERE change <> 'unchanged'
UNION ALL BY NAME
SELECT
    c.* EXCLUDE (last_seen_at, deleted_at, deletion_cause),
    'vanished' AS change,
    CASE
        WHEN EXISTS (
            FROM absent_people AS a WHERE a.organization_id = c.organization_id AND a.user_id = c.user_id
        ) THEN 'person_left'
        WHEN EXISTS (
            FROM core.people AS p
            SEMI JOIN absent_people AS a USING (organization_id, user_id)
            WHERE p.organization_id = c.organization_id AND p.user_id = c.covering_user_id AND p.left_at IS NULL
        ) THEN 'cover_deleted'
        ELSE 'deleted'
    END AS deletion_cause,
    c.user_id AS former_user_id
FROM core.ooo_entries AS c
-- Compare the ids first: nearly always none is missing, and no other column has to be read.
SEMI JOIN (
    FROM core.ooo_entries AS m
    WHERE m.organization_id IN (SELECT n.organization_id FROM staged_snapshots AS n)
      AND m.deleted_at IS NULL
      AND NOT EXISTS (
          FROM staged_entries AS s WHERE s.organization_id = m.organization_id AND s.entry_id = m.entry_id
      )
      AND NOT EXISTS (
          FROM staged_rejects AS r
          WHERE r.organization_id = m.organization_id AND r.record_kind = 'entry' AND r.record_id = m.entry_id
      )
      AND (
          EXISTS (
              FROM proven_spans AS p
              WHERE p.organization_id = m.organization_id AND p.scope_kind = 'organization'
                AND m.entry_id BETWEEN p.from_id AND p.to_id
          )
          OR EXISTS (
              FROM proven_spans AS p
              WHERE p.organization_id = m.organization_id AND p.user_id = m.user_id
                AND m.entry_id BETWEEN p.from_id AND p.to_id
          )
          OR EXISTS (
              FROM absent_people AS a WHERE a.organization_id = m.organization_id AND a.user_id = m.user_id
          )
      )
) AS gone USING (organization_id, entry_id);
