-- Purpose: how many entries are of a person who is not known.
-- Grain: one row; an offender is an entry. Parameters: none. Reads only.
SELECT count(*) FROM core.ooo_entries ANTI JOIN core.people USING (organization_id, user_id);
