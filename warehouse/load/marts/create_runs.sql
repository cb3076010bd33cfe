-- Purpose: runs as published. Grain: one run. A second run makes the same view again.
CREATE OR REPLACE VIEW marts.runs AS FROM ops.runs;
