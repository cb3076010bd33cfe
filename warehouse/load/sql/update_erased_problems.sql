-- Purpose: replace the problems of scopes that name the person.
-- Grain: one scope.
-- Parameters: $organization_id, $user_path, $identifying_texts (a list).
-- Second run: updates nothing.
UPDATE ops.scopes SET problem = 'removed: it named a person who was erased'
WHERE organization_id = $organization_id
  AND (
      contains(problem, $user_path)
      OR len(list_filter($identifying_texts::VARCHAR[], lambda known: contains(lower(problem), lower(known)))) > 0
  );
