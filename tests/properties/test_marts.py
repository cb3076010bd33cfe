"""The real path and the naive one agree on every table and every macro, whatever was read."""

import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import naive_measures
from tests.support.naive import Absence, NaiveWarehouse, Reading, Reject
from tests.support.warehouse import MEASURES, audit_and_publish, load, new_warehouse, night, rows_of

# Few people and few days, so that entries overlap, covers are absent too, and ids come again.
USER_IDS = st.integers(1, 4)
DAYS = st.integers(0, 14).map(lambda days: date(2023, 12, 24) + timedelta(days=days)) | st.just(
    date(2024, 2, 28)
)
REASONS = st.sampled_from(["sick", "vacation", "travel", "public_holiday", "unspecified", "new one", None])


@st.composite
def absences(draw: Callable[..., Any]) -> Absence:
    first = draw(DAYS)
    return Absence(
        entry_id=draw(st.integers(1, 12)),
        user_id=draw(USER_IDS),
        first=first,
        last=first + timedelta(days=draw(st.integers(-2, 12))),
        reason=draw(REASONS),
        cover=draw(st.none() | USER_IDS | st.just(99)),
        notes=draw(st.sampled_from([None, "", "text"])),
        page=draw(st.integers(1, 3)),
    )


VERDICTS = st.sampled_from(["complete", "complete", "unproven", "failed"])
SCOPES = st.fixed_dictionaries(
    {("users", None): VERDICTS},
    optional={("organization", None): VERDICTS} | {("user", user_id): VERDICTS for user_id in range(1, 5)},
)


@st.composite
def readings(draw: Callable[..., Any], number: int) -> Reading:
    read = draw(st.lists(absences(), min_size=6, max_size=14, unique_by=lambda one: (one.entry_id, one.page)))
    rejects = draw(
        st.lists(
            st.builds(
                Reject,
                kind=st.sampled_from(["entry", "user"]),
                record_id=st.integers(1, 12),
                user_id=USER_IDS,
            ).map(lambda one: one if one.kind == "entry" else Reject("user", one.user_id, one.user_id)),
            max_size=2,
            unique_by=lambda one: (one.kind, one.record_id),
        )
    )
    return Reading(
        organization_id=draw(st.sampled_from([7, 8])),
        at=night(number),
        users=tuple(draw(st.sets(st.integers(1, 7), min_size=2))),
        absences=tuple(read),
        rejects=tuple(rejects),
        verdicts=draw(SCOPES),
    )


NIGHTS = st.integers(1, 4).flatmap(
    lambda count: st.tuples(*(readings(number) for number in range(1, count + 1)))
)


QUICK = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
THOROUGH = settings(QUICK, max_examples=50)


@QUICK
@given(nights=NIGHTS, first=DAYS, length=st.integers(-1, 40))
def test_every_table_and_macro_is_what_the_naive_engine_computes(
    nights: tuple[Reading, ...], first: date, length: int
) -> None:
    _compare(nights, first, length)


@pytest.mark.slow
@THOROUGH
@given(nights=NIGHTS, first=DAYS, length=st.integers(-1, 40))
def test_that_holds_for_many_more_organizations(
    nights: tuple[Reading, ...], first: date, length: int
) -> None:
    _compare(nights, first, length)


def _compare(nights: tuple[Reading, ...], first: date, length: int) -> None:
    naive = NaiveWarehouse()
    with tempfile.TemporaryDirectory() as folder, new_warehouse() as connection:
        for reading in nights:
            expected = naive.read(reading)
            changes = load(connection, reading)
            assert {name: getattr(changes, name) for name in expected} == expected
        database = audit_and_publish(connection, Path(folder)).database
        with duckdb.connect(database, read_only=True) as reader:
            _compare_tables(reader, naive)
            _compare_macros(reader, naive, first, first + timedelta(days=length))


def _compare_tables(reader: duckdb.DuckDBPyConnection, naive: NaiveWarehouse) -> None:
    for table, expected in naive.tables().items():
        found = rows_of(reader, f"FROM {table}")
        columns = expected[0] if expected else {}
        assert [{name: row[name] for name in columns} for row in found] == expected, table


def _compare_macros(
    reader: duckdb.DuckDBPyConnection, naive: NaiveWarehouse, first: date, last: date
) -> None:
    given = {"from_date": first, "to_date": last, "as_of_at": night(2)}
    for measure in MEASURES:
        asked = {name: given[name] for name in measure.parameters}
        names = ", ".join(f"${name}" for name in asked)
        found = reader.execute(f"FROM {measure.name}({names})", asked).fetchall()
        assert found == naive_measures.answer(naive, measure.name, asked), measure.name
