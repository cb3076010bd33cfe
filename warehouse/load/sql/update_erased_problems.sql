-- Purpose: no scope's problem quotes the person.
-- Grain: one scope. Parameters: $organization_id, $path, $needles. A second run finds none.
UPDATE ops.scopes SET problem = 'removed: it named someone who was erased'
WHERE organization_id = $organization_id
  AND (
      contains(problem, $path)
      OR len(list_filter($needles::VARCHAR[], lambda needle: contains(lower(problem), lower(needle)))) > 0
  );
