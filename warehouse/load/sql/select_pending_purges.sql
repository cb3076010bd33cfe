-- Purpose: why files have to be purged.
-- Grain: one reason. Reads only.
SELECT reason FROM ops.pending_purges ORDER BY reason;
