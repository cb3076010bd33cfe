-- Purpose: keep the calendars by which the stored days were derived, for comparison with the new ones.
-- Grain: one person.
-- Second run: creates the table again from the calendars of that moment.
CREATE OR REPLACE TEMP TABLE former_calendars AS
FROM marts.person_calendars;
