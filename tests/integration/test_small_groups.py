"""Queries and exports with a least group size: no named query shows a smaller group."""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from flows.report.export import select_rows
from flows.report.filters import Filters
from flows.report.queries import NAMED, Dates, run_named
from flows.settings.errors import QueryError
from tests.support.naive import Absence
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all
from transforms.privacy import COUNTS, DIMENSIONS, LABELS, PARTS, suppress_small_groups

DAYS = Dates(date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine people on vacation, two sick, one travelling."""
    folder = tmp_path_factory.mktemp("data")
    day = date(2026, 3, 2)
    reasons = ["vacation"] * 9 + ["sick"] * 2 + ["travel"]
    absences = tuple(
        Absence(number, number, day, day, reason=reason) for number, reason in enumerate(reasons, start=1)
    )
    with new_warehouse() as connection:
        load(connection, read_all(absences, at=night(1), users=tuple(range(1, 21))))
        audit_and_publish(connection, folder)
    return folder / "ooo.duckdb"


def test_a_small_group_is_suppressed_with_enough_other_groups_to_hide_it(database: Path) -> None:
    rows = run_named(database, "absence_by_reason", DAYS, min_group_size=5)
    shown = {
        row["reason"]: (row["people"], row["absence_days"], row["is_suppressed"]) for row in rows.to_dicts()
    }
    # Sick and travel together have three people, fewer than five: vacation is suppressed too.
    assert shown == dict.fromkeys(("sick", "vacation", "travel"), (None, None, True))
    rows = run_named(database, "absence_by_reason", DAYS, min_group_size=3)
    assert dict(rows.select("reason", "people").iter_rows()) == {"sick": None, "vacation": 9, "travel": None}
    assert "is_suppressed" not in run_named(database, "absence_by_reason", DAYS).columns


def test_a_part_of_a_group_is_suppressed_if_the_part_or_the_rest_is_small(database: Path) -> None:
    rows = run_named(database, "absence_by_day", Dates(date(2026, 3, 2), date(2026, 3, 2)), min_group_size=5)
    assert rows.select("people_absent", "people_sick", "is_suppressed").row(0) == (12, None, False)


def test_an_export_of_one_reason_keeps_the_suppression_over_all_reasons(database: Path) -> None:
    rows = select_rows(database, "absence_by_reason", DAYS, Filters(reasons=("travel",)), min_group_size=3)
    assert rows.select("people", "absence_days").row(0) == (None, None)


@pytest.mark.parametrize("name", [name for name, measure in NAMED.items() if measure.switch is None])
def test_every_named_query_is_suppressed_or_lists_people_or_is_refused(database: Path, name: str) -> None:
    instant = datetime(2026, 6, 1)  # noqa: DTZ001 - UTC, as the warehouse stores instants
    if name.endswith("_by_team"):
        with pytest.raises(QueryError, match="expected teams, found none"):
            run_named(database, name, DAYS, instant)
        return
    rows = run_named(database, name, DAYS, instant)
    if "user_id" in rows.columns:
        assert run_named(database, name, DAYS, instant, min_group_size=99).equals(rows)
        return
    counts = {column for column in rows.columns if column.startswith("people")}
    assert counts <= {*COUNTS, *PARTS}
    if not counts:
        with pytest.raises(QueryError, match="OOO_MIN_GROUP_SIZE"):
            run_named(database, name, DAYS, min_group_size=99)
        return
    assert {"date_on", "month_on", "year", "month", "weekday", "reason", "team_id"} & set(
        rows.columns
    ) <= set(DIMENSIONS)
    hidden = run_named(database, name, DAYS, min_group_size=99)
    assert hidden.height == rows.height
    people = rows[next(column for column in COUNTS if column in counts)]
    assert hidden["is_suppressed"].to_list() == (people > 0).to_list()
    shown = hidden.filter(pl.col("is_suppressed")).drop("is_suppressed", *(set(LABELS) & set(rows.columns)))
    assert all(column.null_count() == column.len() for column in shown.get_columns())


def test_suppression_does_not_spread_to_another_organization() -> None:
    groups = pl.DataFrame({"organization_id": [1, 2], "reason": ["sick", "sick"], "people": [2, 8]})
    assert suppress_small_groups(groups, 5)["people"].to_list() == [None, 8]
