-- Purpose: remove the quarantined records that belong to the person, name the person's id or contain an identifying
-- text. The next run quarantines a record of another person again, without the erased one.
-- Grain: one record of one run.
-- Parameters: $organization_id, $user_id, $id_pattern (a regular expression), $identifying_texts (a list).
-- Second run: deletes nothing.
DELETE FROM ops.quarantine
WHERE organization_id = $organization_id
  AND (
      (record_kind = 'user' AND record_id = $user_id)
      OR regexp_matches(raw, $id_pattern)
      OR len(list_filter($identifying_texts::VARCHAR[], lambda known: contains(lower(raw), lower(known)))) > 0
  );
