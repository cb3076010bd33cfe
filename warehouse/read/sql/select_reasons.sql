-- Purpose: return the reasons in their order, for the report page.
-- Grain: one reason.
-- Second run: returns the same; the statement only reads.
SELECT reason, label FROM dim_reasons ORDER BY sort_order;
