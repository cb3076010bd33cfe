-- Questions for Metabase. Each statement is one question; its name is in the comment above it.

-- Out today
SELECT organization, name, teams, reason_label, ends_on, back_on, covering_name
FROM out_today
ORDER BY organization, name;

-- Absence in working days per month and reason
SELECT month_on, reason_label, sum(absence_working_days) AS working_days
FROM person_reason_months
GROUP BY month_on, reason_label
ORDER BY month_on, reason_label;

-- Days with more than 15 % of a team out
SELECT organization, team, date_on, people_due, people_absent, share_absent
FROM team_days
WHERE share_absent > 0.15 AND date_on >= current_date
ORDER BY date_on, team;

-- Sickness absence rate over twelve months
SELECT organization_id, month_on, sickness_absence_rate
FROM rolling_sickness_rate(current_date - 730, current_date)
ORDER BY organization_id, month_on;

-- Leave without a cover
SELECT organization, name, teams, starts_on, ends_on, working_days
FROM absences
WHERE NOT has_cover AND reason = 'vacation' AND starts_on >= current_date
ORDER BY starts_on, name;
