-- Purpose: by which calendar everyone's days were derived so far, to be compared with what is to hold from now.
-- Grain: one person. A second run makes the table anew from what holds then.
CREATE OR REPLACE TEMP TABLE former_calendars AS
FROM marts.person_calendars;
