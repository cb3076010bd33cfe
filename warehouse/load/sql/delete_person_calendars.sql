-- Purpose: make room for everyone's calendar as it is now.
-- Grain: one person. A second run deletes what was put in their place.
DELETE FROM marts.person_calendars;
