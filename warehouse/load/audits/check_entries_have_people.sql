-- Audit: error. Promise: every entry has its person.
-- Purpose: count the entries of people who have no row in `core.people`.
-- Grain: one row; an offender is an entry.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM core.ooo_entries ANTI JOIN core.people USING (organization_id, user_id);
