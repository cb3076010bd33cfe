-- Purpose: the reasons in their order, for the report page. Grain: one reason. Reads only.
SELECT reason, label FROM dim_reasons ORDER BY sort_order;
