-- Purpose: no record that could not be read is the person's, names them or quotes their address. One of
-- somebody else's comes again with the next run, without the person.
-- Grain: one record of one run. Parameters: $organization_id, $user_id, $mention, $needles. A second run
-- finds none.
DELETE FROM ops.quarantine
WHERE organization_id = $organization_id
  AND (
      (record_kind = 'user' AND record_id = $user_id)
      OR regexp_matches(raw, $mention)
      OR len(list_filter($needles::VARCHAR[], lambda needle: contains(lower(raw), lower(needle)))) > 0
  );
