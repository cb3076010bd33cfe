SELECT * FROM person_reason_months
