-- Purpose: keep the columns of stored people that the staged rows do not have, before the rows are replaced.
-- Grain: one person.
-- Parameters: $organization_id.
-- Second run: creates the same table again, if core has not changed.
CREATE OR REPLACE TEMP TABLE former_people AS
SELECT user_id, first_seen_at, entries_as_of FROM core.people
WHERE organization_id = $organization_id AND user_id IN (SELECT user_id FROM staged_people);
