-- The sick rate of each organization and month, from a macro of ooo.duckdb and its own dates.
WITH months AS (
    SELECT DISTINCT organization_id, month_on
    FROM {{ source('ooo', 'person_reason_months') }}
    WHERE planned_working_days = 0
)

SELECT r.organization_id, r.month_on, r.sick_working_days, r.available_working_days, r.sickness_absence_rate
FROM ooo.attached.rolling_sickness_rate('2020-01-01', '2029-12-31') AS r
SEMI JOIN months USING (organization_id, month_on)
