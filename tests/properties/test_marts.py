"""Compare every table and every macro of the product with the naive engine, over invented readings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb
import holidays
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.naive import NaiveWarehouse
from tests.support.naive_measures import compute
from tests.support.readings import Absence, Calendar, Policy, Reading, Reject
from tests.support.warehouse import MEASURES, audit_and_publish, load_together, new_warehouse, night, rows_of

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
# One entry in four has instants of an old server: whole days of another time zone, with a clock change in some of
# them, or any other hours. An hour more than a clock change is no whole day.
OLD_ROWS = st.one_of(
    *[st.just({})] * 3,
    st.fixed_dictionaries(
        {"hours_ahead": st.sampled_from([1, 2, 8, 12, 13])},
        optional={"extra_hours": st.sampled_from([-2, -1, 1, 2])},
    ),
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
        **draw(OLD_ROWS),
    )


VERDICTS = st.sampled_from(["complete", "complete", "unproven", "failed"])
SCOPES = st.fixed_dictionaries(
    {("users", None): VERDICTS | st.just("complete")},
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
def readings(draw: Callable[..., Any], at: datetime, present: frozenset[int]) -> Reading:
    """Draw the reading of an organization in which `present` are the ids of the people who can have entries."""
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
        organization_id=draw(st.sampled_from([7, 7, 7, 8])),
        at=at,
        users=tuple(draw(st.sets(st.integers(1, 7), min_size=2)) & (present | {5, 6, 7})),
        absences=tuple(absence for absence in drawn if absence.user_id in present),
        rejects=tuple(reject for reject in rejects if reject.user_id in present),
        verdicts=draw(SCOPES),
        policy=draw(policies()),
    )


@st.composite
def lives(draw: Callable[..., Any]) -> tuple[Reading, ...]:
    """Draw one to six readings, during the days of absence or years later.

    People leave between two readings, with all of their entries, and return, with the entries or without.
    """
    at = draw(st.sampled_from([datetime.combine(date(2023, 12, 23), time(5)), night(1)]))
    present = frozenset({1, 2, 3, 4})
    nights = []
    for _ in range(draw(st.sampled_from([4, 3, 2, 5, 1, 6, 3]))):
        nights.append(draw(readings(at, present)))
        present ^= draw(st.sampled_from([frozenset({1}), frozenset({1, 2}), frozenset({3}), frozenset()]))
        at += timedelta(days=draw(st.sampled_from([1, 1, 2, 5, 70])))
    return tuple(nights)


NIGHTS = lives()

# A warehouse with a publication takes a second of one core. In a fleet, an organization takes a fifth of that.
# The full profile draws 1,333 warehouses and 200 fleets: more than 5,000 organizations.
QUICK = settings(max_examples=settings.default.max_examples // 3, suppress_health_check=list(HealthCheck))
FLEET_SIZE = 12
IS_FULL = settings.default.max_examples >= 4_000


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all publications: later ones copy the views and macros of the first, which saves time."""
    return tmp_path_factory.mktemp("publications")


@QUICK
@given(nights=NIGHTS, first=DAYS, length=st.integers(-1, 40))
def test_every_table_and_macro_equals_that_of_the_naive_engine(
    data_dir: Path, nights: tuple[Reading, ...], first: date, length: int
) -> None:
    _compare(data_dir, [[reading] for reading in nights], first, first + timedelta(days=length))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20 if IS_FULL else 2))
def test_every_table_and_macro_of_fleets_equals_that_of_the_naive_engine(data_dir: Path, part: int) -> None:
    for fleet in draw_fleets(part, max(1, settings.default.max_examples // 400)):
        first = fleet[0][0].at.date() - timedelta(days=part)
        _compare(data_dir, fleet, first, first + timedelta(days=3 * part))


def draw_fleets(number: int, count: int) -> Iterator[list[list[Reading]]]:
    """Yield fleets of at least `FLEET_SIZE` organizations, each as the readings of every night.

    All readings of a night are loaded in one transaction, so that one warehouse holds many organizations.
    """
    drawn: list[tuple[Reading, ...]] = []

    @seed(number)
    @settings(QUICK, max_examples=count * FLEET_SIZE, phases=[Phase.generate])
    @given(nights=NIGHTS)
    def draw(nights: tuple[Reading, ...]) -> None:
        drawn.append(nights)

    draw()
    for start in range(0, len(drawn), FLEET_SIZE):
        lives_of_fleet = [
            [replace(reading, organization_id=10 * place + reading.organization_id) for reading in nights]
            for place, nights in enumerate(drawn[start : start + FLEET_SIZE])
        ]
        nights = [
            sorted((reading for reading in night if reading), key=lambda reading: reading.at)
            for night in zip_longest(*lives_of_fleet)
        ]
        yield [[replace(reading, policy=night[-1].policy) for reading in night] for night in nights]


def _compare(data_dir: Path, nights: Sequence[Sequence[Reading]], first: date, last: date) -> None:
    naive = NaiveWarehouse()
    with new_warehouse() as connection:
        for readings_of_night in nights:
            changes = load_together(connection, readings_of_night)
            for reading in readings_of_night:
                expected = naive.read(reading)
                actual = changes[reading.organization_id]
                assert {name: getattr(actual, name) for name in expected} == expected
        naive.settle()
        database = audit_and_publish(connection, data_dir, keep_generations=1).database
        with duckdb.connect(database, read_only=True) as published:
            _compare_tables(published, naive)
            dates = {"from_date": first, "to_date": last, "as_of_at": nights[len(nights) // 2][-1].at}
            _compare_macros(published, naive, dates)


def _compare_tables(published: duckdb.DuckDBPyConnection, naive: NaiveWarehouse) -> None:
    for table, expected in naive.tables().items():
        actual = rows_of(published, f"FROM {table}")
        columns = expected[0] if expected else {}
        assert [{name: row[name] for name in columns} for row in actual] == expected, table


def _compare_macros(
    published: duckdb.DuckDBPyConnection, naive: NaiveWarehouse, values: Mapping[str, date]
) -> None:
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
