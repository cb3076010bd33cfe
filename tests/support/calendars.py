"""The working days of the built-in calendar, for tests that derive days.

This is a module of its own because creating a series starts the threads of Polars. A process that has these
threads must not be forked, as `tests/support/crash.py` does.
"""

from transforms.calendars import CalendarPolicy

WORKING = CalendarPolicy().working_days
"""For each calendar, whether each day of the horizon is a working day."""
