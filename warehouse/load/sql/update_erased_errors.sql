-- Purpose: replace the errors of runs that name the person.
-- Grain: one run.
-- Parameters: $organization_id, $user_path, $identifying_texts (a list).
-- Second run: updates nothing.
UPDATE ops.runs SET error = 'removed: it named a person who was erased'
WHERE organization_id = $organization_id
  AND (
      contains(error, $user_path)
      OR len(list_filter($identifying_texts::VARCHAR[], lambda known: contains(lower(error), lower(known)))) > 0
  );
