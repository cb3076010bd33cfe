-- Purpose: record that files still hold bytes of removed rows, and why.
-- Grain: one reason.
-- Parameters: $reason, $since.
-- Second run: inserts nothing while the reason is pending.
INSERT INTO ops.pending_purges
SELECT $reason, $since::TIMESTAMP
WHERE NOT EXISTS (FROM ops.pending_purges WHERE reason = $reason);
