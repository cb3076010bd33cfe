-- Purpose: return the reasons for which files must be purged.
-- Grain: one reason.
-- Second run: returns the same; the statement only reads.
SELECT reason FROM ops.pending_purges ORDER BY reason;
