# ruff: noqa: E501 - some tables are wide
"""Specify as tables how landed entries become civil dates, lengths and reason codes."""

import pytest

from landing.segments import ENTRY_SCHEMA
from tests.support.tables import draw, parse
from tests.support.warehouse import landed
from transforms.entries import normalise_entries

SPANS = """
| start                          | end                      | starts_on  | ends_on    | calendar_days | materialized_days | is_day_aligned |
| 2026-03-02T00:00:00.000Z       | 2026-03-06T23:59:59.999Z | 2026-03-02 | 2026-03-06 | 5             | 5             | yes            |
| 2026-03-07T00:00:00.000Z       | 2026-03-08T23:59:59.999Z | 2026-03-07 | 2026-03-08 | 2             | 2             | yes            |
| 2026-03-06T00:00:00Z           | 2026-03-06T23:59:59Z     | 2026-03-06 | 2026-03-06 | 1             | 1             | yes            |
| 2023-11-05T22:00:00.000Z       | 2023-11-07T21:59:59.999Z | 2023-11-05 | 2023-11-07 | 3             | 3             | no             |
| 2026-03-02T00:00:00.000Z       | 2026-03-02T23:59:58.999Z | 2026-03-02 | 2026-03-02 | 1             | 1             | no             |
| 2026-03-02T00:00:00.001Z       | 2026-03-02T23:59:59.999Z | 2026-03-02 | 2026-03-02 | 1             | 1             | no             |
| 2024-02-28T00:00:00.000Z       | 2024-03-01T23:59:59.999Z | 2024-02-28 | 2024-03-01 | 3             | 3             | yes            |
| 2023-02-28T00:00:00.000Z       | 2023-03-01T23:59:59.999Z | 2023-02-28 | 2023-03-01 | 2             | 2             | yes            |
| 2025-12-31T00:00:00.000Z       | 2026-01-01T23:59:59.999Z | 2025-12-31 | 2026-01-01 | 2             | 2             | yes            |
| 2026-03-06T00:00:00.000Z       | 2026-03-04T23:59:59.999Z | 2026-03-06 | 2026-03-04 | 0             | 0             | yes            |
| 2026-03-06T00:00:00.000Z       | 2026-03-05T23:59:59.999Z | 2026-03-06 | 2026-03-05 | 0             | 0             | yes            |
| 2024-01-01T00:00:00.000Z       | 2026-09-26T23:59:59.999Z | 2024-01-01 | 2026-09-26 | 1000          | 1000          | yes            |
| 2026-03-02T00:00:00.000000001Z | 2026-03-02T23:59:59.9Z   | 2026-03-02 | 2026-03-02 | 1             | 1             | yes            |
| 2026-01-01T00:00:00.000Z       | 9999-12-31T23:59:59.999Z | 2026-01-01 | 9999-12-31 | 2912443       | 3653          | yes            |
| 0206-03-02T00:00:00.000Z       | 2026-03-06T23:59:59.999Z | 0206-03-02 | 2026-03-06 | 664747        | 0             | yes            |
| 0001-01-01T00:00:00.000Z       | 9999-12-31T23:59:59.999Z | 0001-01-01 | 9999-12-31 | 3652059       | 0             | yes            |
"""

REASONS = """
| landed         | reason         | reason_raw     |
| vacation       | vacation       | vacation       |
| sick           | sick           | sick           |
| travel         | travel         | travel         |
| public_holiday | public_holiday | public_holiday |
| unspecified    | unspecified    | unspecified    |
|                | custom         |                |
| custom         | unknown        | custom         |
| Vacation       | unknown        | Vacation       |
| jury duty      | unknown        | jury duty      |
"""


def _normalise(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    default = {
        "page": 1,
        "uuid": "u",
        "user_id": 1,
        "has_notes": False,
        "start": "2026-03-02T00:00:00.000Z",
        "end": "2026-03-02T23:59:59.999Z",
    }
    numbered = [default | {"id": number} | row for number, row in enumerate(rows, start=1)]
    return normalise_entries(landed(numbered, ENTRY_SCHEMA), organization_id=7).to_dicts()


def test_the_dates_of_an_entry_are_its_two_date_parts_without_a_time_zone_conversion() -> None:
    drawn = parse(SPANS)
    entries = _normalise([{"start": row["start"], "end": row["end"]} for row in drawn])
    columns = ["starts_on", "ends_on", "calendar_days", "materialized_days", "is_day_aligned"]
    assert draw(entries, columns) == [{name: row[name] for name in columns} for row in drawn]


def test_a_missing_reason_is_custom_and_an_unknown_reason_keeps_its_text() -> None:
    drawn = parse(REASONS)
    entries = _normalise([{"reason": row["landed"]} for row in drawn])
    columns = ["reason", "reason_raw"]
    assert draw(entries, columns) == [{name: row[name] for name in columns} for row in drawn]


@pytest.mark.parametrize(("notes", "has_notes"), [(None, False), ("", False), ("text", True)])
def test_a_missing_note_an_empty_note_and_a_text_stay_distinct(notes: str | None, *, has_notes: bool) -> None:
    (entry,) = _normalise([{"notes": notes, "has_notes": has_notes}])
    assert (entry["notes"], entry["has_notes"]) == (notes, has_notes)
