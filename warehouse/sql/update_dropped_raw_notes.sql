-- Purpose: notes in quarantined records that are not to be stored are not, from whenever they are.
-- Grain: one quarantined entry with a note. Parameters: $organization_id. A second run finds none.
UPDATE ops.quarantine SET raw = json_merge_patch(raw::JSON, '{"notes": null}'::JSON)::VARCHAR
WHERE organization_id = $organization_id AND record_kind = 'entry'
  AND json_type(raw::JSON) = 'OBJECT' AND json_exists(raw::JSON, '$.notes');
