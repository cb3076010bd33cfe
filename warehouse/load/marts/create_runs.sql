-- Purpose: publish the runs.
-- Grain: one run.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.runs AS FROM ops.runs;
