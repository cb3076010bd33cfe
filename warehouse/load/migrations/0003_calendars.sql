-- Purpose: work calendars. Working days depend on whose entry it is and on today's calendars, so core no longer
-- holds them; in their place stands what the entry alone decides: how many of its days have a row a day.
-- What the calendars decide is in marts: until the next load everyone has the built-in one, and as rules one
-- that no calendar has, so that everyone's days are derived again.

ALTER TABLE core.ooo_entries RENAME COLUMN working_days TO followed_days;
ALTER TABLE core.ooo_entry_history RENAME COLUMN working_days TO followed_days;
UPDATE core.ooo_entries SET followed_days =
    CASE WHEN starts_on BETWEEN DATE '1970-01-01' AND DATE '2099-12-31'
    THEN least(calendar_days, DATE '2099-12-31' - starts_on + 1, 3653) ELSE 0 END;
UPDATE core.ooo_entry_history SET followed_days =
    CASE WHEN starts_on BETWEEN DATE '1970-01-01' AND DATE '2099-12-31'
    THEN least(calendar_days, DATE '2099-12-31' - starts_on + 1, 3653) ELSE 0 END;

-- Grain: one work calendar.
CREATE TABLE marts.dim_calendars (
    calendar VARCHAR NOT NULL,
    work_week VARCHAR NOT NULL,
    country VARCHAR,
    subdivision VARCHAR,
    is_default BOOLEAN NOT NULL,
    holidays_version VARCHAR
);
INSERT INTO marts.dim_calendars VALUES ('monday-to-friday', 'mon tue wed thu fri', NULL, NULL, true, NULL);

-- Grain: one day of one work calendar.
CREATE TABLE marts.dim_calendar_days (
    calendar VARCHAR NOT NULL,
    date_on DATE NOT NULL,
    is_working_day BOOLEAN NOT NULL,
    holiday_name VARCHAR,
    working_day_number INTEGER NOT NULL
);

-- Days outside these years are no longer followed; what is left has its calendar, from 2000 on to count from there.
DELETE FROM marts.dim_dates WHERE date_on NOT BETWEEN DATE '1970-01-01' AND DATE '2099-12-31';
DELETE FROM marts.fct_entry_days WHERE date_on NOT BETWEEN DATE '1970-01-01' AND DATE '2099-12-31';
DELETE FROM marts.person_days WHERE date_on NOT BETWEEN DATE '1970-01-01' AND DATE '2099-12-31';
INSERT INTO marts.dim_calendar_days
SELECT
    'monday-to-friday', day::DATE, isodow(day) <= 5, NULL,
    count(*) FILTER (isodow(day) <= 5) OVER (ORDER BY day)
FROM generate_series(
    TIMESTAMP '1970-01-01',
    greatest(
        (SELECT max(starts_on + followed_days) FROM core.ooo_entry_history WHERE followed_days > 0),
        (SELECT max(date_on) FROM marts.dim_dates)
    )::TIMESTAMP,
    INTERVAL 1 DAY
) AS days (day);

-- Grain: one person and the work calendar that their days are derived by.
CREATE TABLE marts.person_calendars (
    organization_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    calendar VARCHAR NOT NULL,
    rules VARCHAR NOT NULL
);
INSERT INTO marts.person_calendars
SELECT organization_id, user_id, 'monday-to-friday', 'none yet' FROM core.people;
