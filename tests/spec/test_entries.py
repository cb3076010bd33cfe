# ruff: noqa: E501 - some tables are wide
"""Specify as tables how landed entries become civil dates, lengths and reason codes."""

import pytest

from landing.segments import ENTRY_SCHEMA
from tests.support.tables import draw, parse
from tests.support.warehouse import landed
from transforms.entries import normalise_entries

SPANS = """
| start                          | end                      | starts_on  | ends_on    | calendar_days | materialized_days | date_rule        |
| 2026-03-02T00:00:00.000Z       | 2026-03-06T23:59:59.999Z | 2026-03-02 | 2026-03-06 | 5             | 5                 | day_aligned      |
| 2026-03-07T00:00:00.000Z       | 2026-03-08T23:59:59.999Z | 2026-03-07 | 2026-03-08 | 2             | 2                 | day_aligned      |
| 2026-03-06T00:00:00Z           | 2026-03-06T23:59:59Z     | 2026-03-06 | 2026-03-06 | 1             | 1                 | day_aligned      |
| 2023-11-05T22:00:00.000Z       | 2023-11-07T21:59:59.999Z | 2023-11-06 | 2023-11-07 | 2             | 2                 | nearest_midnight |
| 2026-03-02T00:00:00.000Z       | 2026-03-02T23:59:58.999Z | 2026-03-02 | 2026-03-02 | 1             | 1                 | nearest_midnight |
| 2026-03-02T00:00:00.001Z       | 2026-03-02T23:59:59.999Z | 2026-03-02 | 2026-03-02 | 1             | 1                 | nearest_midnight |
| 2024-02-28T00:00:00.000Z       | 2024-03-01T23:59:59.999Z | 2024-02-28 | 2024-03-01 | 3             | 3                 | day_aligned      |
| 2023-02-28T00:00:00.000Z       | 2023-03-01T23:59:59.999Z | 2023-02-28 | 2023-03-01 | 2             | 2                 | day_aligned      |
| 2025-12-31T00:00:00.000Z       | 2026-01-01T23:59:59.999Z | 2025-12-31 | 2026-01-01 | 2             | 2                 | day_aligned      |
| 2026-03-06T00:00:00.000Z       | 2026-03-04T23:59:59.999Z | 2026-03-06 | 2026-03-04 | 0             | 0                 | day_aligned      |
| 2026-03-06T00:00:00.000Z       | 2026-03-05T23:59:59.999Z | 2026-03-06 | 2026-03-05 | 0             | 0                 | day_aligned      |
| 2024-01-01T00:00:00.000Z       | 2026-09-26T23:59:59.999Z | 2024-01-01 | 2026-09-26 | 1000          | 1000              | day_aligned      |
| 2026-03-02T00:00:00.000000001Z | 2026-03-02T23:59:59.9Z   | 2026-03-02 | 2026-03-02 | 1             | 1                 | day_aligned      |
| 2026-01-01T00:00:00.000Z       | 9999-12-31T23:59:59.999Z | 2026-01-01 | 9999-12-31 | 2912443       | 3653              | day_aligned      |
| 0206-03-02T00:00:00.000Z       | 2026-03-06T23:59:59.999Z | 0206-03-02 | 2026-03-06 | 664747        | 0                 | day_aligned      |
| 0001-01-01T00:00:00.000Z       | 9999-12-31T23:59:59.999Z | 0001-01-01 | 9999-12-31 | 3652059       | 0                 | day_aligned      |
| 2023-11-04T23:00:00.000Z       | 2023-11-06T22:59:59.999Z | 2023-11-05 | 2023-11-06 | 2             | 2                 | nearest_midnight |
| 2023-11-06T05:00:00.000Z       | 2023-11-07T04:59:59.999Z | 2023-11-06 | 2023-11-06 | 1             | 1                 | nearest_midnight |
| 2023-11-05T12:00:00.000Z       | 2023-11-06T11:59:59.999Z | 2023-11-06 | 2023-11-06 | 1             | 1                 | nearest_midnight |
| 2023-11-05T11:59:59.999Z       | 2023-11-06T11:59:59.998Z | 2023-11-05 | 2023-11-05 | 1             | 1                 | nearest_midnight |
| 2023-03-25T23:00:00.000Z       | 2023-03-26T21:59:59.999Z | 2023-03-26 | 2023-03-26 | 1             | 1                 | nearest_midnight |
| 2023-10-28T22:00:00.000Z       | 2023-10-29T22:59:59Z     | 2023-10-29 | 2023-10-29 | 1             | 1                 | nearest_midnight |
| 2023-11-05T22:00:00.000Z       | 2023-11-06T19:00:00.000Z | 2023-11-05 | 2023-11-06 | 2             | 2                 | date_parts       |
| 2024-01-17T23:00:00.000Z       | 2024-01-18T21:59:59.000Z | 2024-01-18 | 2024-01-18 | 1             | 1                 | nearest_midnight |
| 2024-01-17T23:00:00.000Z       | 2024-01-18T21:59:58.999Z | 2024-01-17 | 2024-01-18 | 2             | 2                 | date_parts       |
| 2023-11-06T09:00:00.000Z       | 2023-11-06T17:00:00.000Z | 2023-11-06 | 2023-11-06 | 1             | 1                 | date_parts       |
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


def test_the_dates_of_an_entry_are_its_date_parts_or_the_nearest_midnights_of_a_span_of_whole_days() -> None:
    drawn = parse(SPANS)
    entries = _normalise([{"start": row["start"], "end": row["end"]} for row in drawn])
    columns = ["starts_on", "ends_on", "calendar_days", "materialized_days", "date_rule"]
    assert draw(entries, columns) == [{name: row[name] for name in columns} for row in drawn]
    assert all(entry["is_day_aligned"] == (entry["date_rule"] == "day_aligned") for entry in entries)


def test_a_missing_reason_is_custom_and_an_unknown_reason_keeps_its_text() -> None:
    drawn = parse(REASONS)
    entries = _normalise([{"reason": row["landed"]} for row in drawn])
    columns = ["reason", "reason_raw"]
    assert draw(entries, columns) == [{name: row[name] for name in columns} for row in drawn]


@pytest.mark.parametrize(("notes", "has_notes"), [(None, False), ("", False), ("text", True)])
def test_a_missing_note_an_empty_note_and_a_text_stay_distinct(notes: str | None, *, has_notes: bool) -> None:
    (entry,) = _normalise([{"notes": notes, "has_notes": has_notes}])
    assert (entry["notes"], entry["has_notes"]) == (notes, has_notes)
