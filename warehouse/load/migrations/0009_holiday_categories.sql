-- Purpose: publish the categories of holidays whose days are days off in a work calendar.
-- Effect of a second run: none; each migration is applied once.
ALTER TABLE marts.dim_calendars RENAME TO former_calendars;
-- Grain: one work calendar.
CREATE TABLE marts.dim_calendars (
    calendar VARCHAR NOT NULL,
    work_week VARCHAR NOT NULL,
    country VARCHAR,
    subdivision VARCHAR,
    holiday_categories VARCHAR,
    is_default BOOLEAN NOT NULL,
    holidays_version VARCHAR
);
INSERT INTO marts.dim_calendars BY NAME
SELECT *, CASE WHEN country IS NULL THEN NULL ELSE 'public' END AS holiday_categories FROM marts.former_calendars;
DROP TABLE marts.former_calendars;
