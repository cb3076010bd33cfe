SELECT * FROM out_today
