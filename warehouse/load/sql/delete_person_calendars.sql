-- Purpose: remove the calendars of all people, before the present ones are inserted.
-- Grain: one person.
-- Second run: deletes the rows that were inserted after the first run.
DELETE FROM marts.person_calendars;
