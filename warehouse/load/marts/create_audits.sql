-- Purpose: audits as published. Grain: one audit of one run. A second run makes the same view again.
CREATE OR REPLACE VIEW marts.audits AS FROM ops.audits;
