-- Purpose: keep the columns of stored people that the staged rows do not have, before the rows are replaced.
-- Grain: one person.
-- Second run: creates the same table again, if core has not changed.
CREATE OR REPLACE TEMP TABLE former_people AS
SELECT organization_id, user_id, p.first_seen_at, p.entries_as_of FROM core.people AS p
SEMI JOIN staged_people AS s USING (organization_id, user_id);
