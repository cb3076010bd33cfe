"""Compare every table and every macro of the product with the naive engine, over invented readings."""

import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import holidays
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.naive import NaiveWarehouse
from tests.support.naive_measures import compute
from tests.support.readings import Absence, Calendar, Policy, Reading, Reject
from tests.support.warehouse import MEASURES, audit_and_publish, load, new_warehouse, night, rows_of

# There are few people and few days, so that entries overlap, covers are absent too, and ids return.
USER_IDS = st.integers(1, 4)
DAYS = st.integers(0, 14).map(lambda days: date(2023, 12, 24) + timedelta(days=days)) | st.just(
    date(2024, 2, 28)
)
LENGTHS = st.integers(-2, 12)
# Some entries have a wrong year or last for years.
LONG_SPANS = st.sampled_from(
    [
        (date(206, 3, 2), date(2024, 1, 5)),
        (date(2023, 12, 27), date(2026, 9, 21)),  # a thousand days
        (date(2024, 1, 3), date(9999, 12, 31)),
        (date(2100, 1, 1), date(2100, 1, 3)),
    ]
)
REASONS = st.sampled_from(["sick", "vacation", "travel", "public_holiday", "unspecified", "new one", None])


@st.composite
def absences(draw: Callable[..., Any]) -> Absence:
    usual = st.tuples(DAYS, LENGTHS).map(lambda span: (span[0], span[0] + timedelta(days=span[1])))
    first, last = draw(LONG_SPANS if draw(st.integers(0, 24)) == 13 else usual)
    return Absence(
        entry_id=draw(st.integers(1, 12)),
        user_id=draw(USER_IDS),
        first=first,
        last=last,
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


def _calendar(weekdays: set[int], country: str, subdivision: str | None = None) -> Calendar:
    years = range(1970, 2100)
    public = holidays.country_holidays(country, subdiv=subdivision, years=years, language="en_US")
    return Calendar(frozenset(weekdays), frozenset(public), country, subdivision)


# 2024-01-06 is a holiday in Bavaria alone, 2023-12-26 in both parts of Germany, 2024-01-01 everywhere.
CALENDARS = {
    "monday-to-friday": Calendar(),
    "bavaria": _calendar({1, 2, 3, 4, 5, 6}, "DE", "BY"),
    "berlin, part time": _calendar({1, 3}, "DE", "BE"),
    "gulf": _calendar({7, 1, 2, 3, 4}, "AE"),
    "weekends": Calendar(frozenset({6, 7})),
}
PEOPLE = st.integers(1, 7) | st.integers(1, 7).map(lambda user_id: f"person-{user_id}@example.com")


@st.composite
def policies(draw: Callable[..., Any]) -> Policy:
    names = draw(st.lists(st.sampled_from(sorted(CALENDARS)), min_size=1, max_size=3, unique=True))
    assignments = st.dictionaries(PEOPLE, st.sampled_from(names), max_size=3)
    return Policy(
        calendars={name: CALENDARS[name] for name in names},
        default=draw(st.sampled_from(names)),
        people=draw(assignments),
        members=draw(assignments),
    )


@st.composite
def readings(draw: Callable[..., Any], number: int) -> Reading:
    drawn = draw(
        st.lists(
            absences(),
            min_size=6,
            max_size=14,
            unique_by=lambda absence: (absence.entry_id, absence.page),
        )
    )
    rejects = draw(
        st.lists(
            st.builds(
                Reject,
                kind=st.sampled_from(["entry", "user"]),
                record_id=st.integers(1, 12),
                user_id=USER_IDS,
            ).map(
                lambda reject: (
                    reject if reject.kind == "entry" else Reject("user", reject.user_id, reject.user_id)
                )
            ),
            max_size=2,
            unique_by=lambda reject: (reject.kind, reject.record_id),
        )
    )
    return Reading(
        organization_id=draw(st.sampled_from([7, 8])),
        at=night(number),
        users=tuple(draw(st.sets(st.integers(1, 7), min_size=2))),
        absences=tuple(drawn),
        rejects=tuple(rejects),
        verdicts=draw(SCOPES),
        policy=draw(policies()),
    )


NIGHTS = st.integers(1, 4).flatmap(
    lambda count: st.tuples(*(readings(number) for number in range(1, count + 1)))
)


# An example is a warehouse with a publication and takes half a second. The two tests run 20 and 30 examples, or
# 1,300 and 2,000 with the full profile.
QUICK = settings(max_examples=settings.default.max_examples // 3, suppress_health_check=list(HealthCheck))
THOROUGH = settings(QUICK, max_examples=settings.default.max_examples // 2)


@QUICK
@given(nights=NIGHTS, first=DAYS, length=st.integers(-1, 40))
def test_every_table_and_macro_equals_that_of_the_naive_engine(
    nights: tuple[Reading, ...], first: date, length: int
) -> None:
    _compare(nights, first, length)


@pytest.mark.slow
@THOROUGH
@given(nights=NIGHTS, first=DAYS, length=st.integers(-1, 40))
def test_every_table_and_macro_equals_that_of_the_naive_engine_in_many_more_organizations(
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
        naive.settle()
        database = audit_and_publish(connection, Path(folder)).database
        with duckdb.connect(database, read_only=True) as published:
            _compare_tables(published, naive)
            _compare_macros(published, naive, first, first + timedelta(days=length))


def _compare_tables(published: duckdb.DuckDBPyConnection, naive: NaiveWarehouse) -> None:
    for table, expected in naive.tables().items():
        actual = rows_of(published, f"FROM {table}")
        columns = expected[0] if expected else {}
        assert [{name: row[name] for name in columns} for row in actual] == expected, table


def _compare_macros(
    published: duckdb.DuckDBPyConnection, naive: NaiveWarehouse, first: date, last: date
) -> None:
    values = {"from_date": first, "to_date": last, "as_of_at": night(2)}
    for measure in MEASURES:
        arguments = {name: values[name] for name in measure.parameters}
        names = ", ".join(f"${name}" for name in arguments)
        query = f"FROM {measure.name}({names})"
        try:
            expected = compute(naive, measure.name, arguments)
        except LookupError:  # a reversed range, or no teams
            with pytest.raises(duckdb.InvalidInputException, match="expected"):
                published.execute(query, arguments).fetchall()
        else:
            assert published.execute(query, arguments).fetchall() == expected, measure.name
