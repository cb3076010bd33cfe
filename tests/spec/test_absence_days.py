"""Specify as tables how overlapping entries become one row per person and day."""

from tests.support.calendars import WORKING
from tests.support.tables import draw, parse, parse_absences
from tests.support.warehouse import derivable
from transforms.days import explode_entry_days, resolve_person_days

ENTRIES = """
| entry_id | user_id | first      | last       | reason         | cover |
| 1        | 1       | 2026-03-05 | 2026-03-09 | vacation       |       |
| 2        | 1       | 2026-03-06 | 2026-03-06 | sick           | 3     |
| 3        | 1       | 2026-03-09 | 2026-03-09 | public_holiday |       |
| 4        | 1       | 2026-03-09 | 2026-03-09 | travel         | 4     |
| 6        | 2       | 2026-03-06 | 2026-03-06 | vacation       | 5     |
| 5        | 2       | 2026-03-06 | 2026-03-06 | vacation       | 6     |
| 7        | 2       | 2026-03-09 | 2026-03-06 | sick           |       |
| 8        | 3       | 2026-03-06 | 2026-03-06 | no such reason |       |
| 9        | 3       | 2026-03-06 | 2026-03-06 | unspecified    |       |
| 10       | 4       | 2026-03-06 | 2026-03-06 | unspecified    | 1     |
| 11       | 4       | 2026-03-06 | 2026-03-06 |                |       |
"""

DAYS = """
| user_id | date_on    | reason         | entry_count | is_working_day | covering_user_id |
| 1       | 2026-03-05 | vacation       | 1           | yes            |                  |
| 1       | 2026-03-06 | sick           | 2           | yes            | 3                |
| 1       | 2026-03-07 | vacation       | 1           | no             |                  |
| 1       | 2026-03-08 | vacation       | 1           | no             |                  |
| 1       | 2026-03-09 | public_holiday | 3           | yes            | 4                |
| 2       | 2026-03-06 | vacation       | 2           | yes            | 6                |
| 3       | 2026-03-06 | unspecified    | 2           | yes            |                  |
| 4       | 2026-03-06 | custom         | 2           | yes            | 1                |
"""


def test_a_day_of_a_person_counts_once_with_the_first_reason_and_the_first_cover() -> None:
    entries = derivable(parse_absences(ENTRIES))
    person_days = resolve_person_days(explode_entry_days(entries, WORKING), entries, WORKING)
    expected = parse(DAYS)
    assert draw(person_days.to_dicts(), list(expected[0])) == expected
