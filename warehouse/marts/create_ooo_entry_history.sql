-- Purpose: versions as published. Grain: one version of one entry. A second run makes the same view again.
CREATE OR REPLACE VIEW marts.ooo_entry_history AS FROM core.ooo_entry_history;
