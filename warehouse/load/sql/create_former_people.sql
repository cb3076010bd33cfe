-- Purpose: what has to be kept of the people that are about to be written again.
-- Grain: one person. Parameters: $organization_id. Reads core only.
CREATE OR REPLACE TEMP TABLE former_people AS
SELECT user_id, first_seen_at, entries_as_of FROM core.people
WHERE organization_id = $organization_id AND user_id IN (SELECT user_id FROM staged_people);
