-- Purpose: name the number of days that have a row of their own as the documents do, `materialized_days`.
-- Effect of a second run: none; each migration is applied once.
DROP VIEW IF EXISTS marts.fct_ooo_entries;
DROP VIEW IF EXISTS marts.ooo_entry_history;
ALTER TABLE core.ooo_entries RENAME COLUMN followed_days TO materialized_days;
ALTER TABLE core.ooo_entry_history RENAME COLUMN followed_days TO materialized_days;
