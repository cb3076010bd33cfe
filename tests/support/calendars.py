"""Working days of the calendar that needs no file.

Apart from the rest of the support: a series starts Polars' threads, and processes that are forked from one
that has them hang (`tests/support/crash.py`).
"""

from transforms.calendars import CalendarPolicy

WORKING = CalendarPolicy().working_days
