-- Purpose: publish the results of audits.
-- Grain: one audit of one run.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.audits AS FROM ops.audits;
