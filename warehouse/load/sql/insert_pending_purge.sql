-- Purpose: bytes of what was removed are still in files, until these are purged.
-- Grain: one reason. Parameters: $reason, $since. A second run adds nothing while the first is pending.
INSERT INTO ops.pending_purges
SELECT $reason, $since::TIMESTAMP
WHERE NOT EXISTS (FROM ops.pending_purges WHERE reason = $reason);
