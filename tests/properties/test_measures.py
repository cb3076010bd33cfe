"""Compare every measure with plain loops, over organizations that are read during their days of absence."""

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.measure_cases import DAYS, fill_tables, open_measures, organizations, read_naively
from tests.support.naive_measures import compute
from tests.support.readings import Reading
from warehouse.publish.measures import find_measures

TEAM_MEASURES = {"absence_by_team", "who_is_out_by_team"}


@pytest.fixture(scope="module")
def published() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_measures() as connection:
        yield connection


@settings(deadline=None)
@given(nights=organizations(), first=DAYS, length=st.sampled_from([30, 400, 6, 0, -1]))
def test_every_measure_equals_that_of_the_naive_engine(
    published: duckdb.DuckDBPyConnection, nights: list[Reading], first: date, length: int
) -> None:
    naive = read_naively(nights)
    fill_tables(published, naive, nights)
    values = {
        "as_of_at": nights[len(nights) // 2].at,
        "from_date": first,
        "to_date": first + timedelta(days=length),
    }
    for measure in find_measures():
        arguments = {name: values[name] for name in measure.parameters}
        names = ", ".join(f"${name}" for name in arguments)
        query = f"FROM {measure.name}({names})"
        if length < 0 or (measure.name in TEAM_MEASURES and not naive.tables()["dim_teams"]):
            with pytest.raises(
                duckdb.InvalidInputException, match=r"expected (from_date <= to_date|teams), found"
            ):
                published.execute(query, arguments).fetchall()
            continue
        actual = published.execute(query, arguments).fetchall()
        assert actual == compute(naive, measure.name, arguments), measure.name
