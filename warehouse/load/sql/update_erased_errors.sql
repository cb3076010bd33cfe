-- Purpose: no run's error quotes the person.
-- Grain: one run. Parameters: $organization_id, $path, $needles. A second run finds none.
UPDATE ops.runs SET error = 'removed: it named someone who was erased'
WHERE organization_id = $organization_id
  AND (
      contains(error, $path)
      OR len(list_filter($needles::VARCHAR[], lambda needle: contains(lower(error), lower(needle)))) > 0
  );
