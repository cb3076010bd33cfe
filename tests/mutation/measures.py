"""Compare every mutant of the measures with the naive engine, over generated organizations."""

import threading
from datetime import date, timedelta
from typing import Any

import duckdb
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.mutation.mutants import Mutant, make_mutants
from tests.support.measure_cases import DAYS, fill_tables, open_measures, organizations, read_naively
from tests.support.naive import NaiveWarehouse
from tests.support.naive_measures import compute
from tests.support.readings import Reading
from warehouse.connection import read_statement, run_statement
from warehouse.publish.measures import Measure, find_measures

ORGANIZATIONS = 60
"""The number of generated organizations; those with few records are skipped."""

FEWEST_ABSENCES = 18
"""The number of records below which an organization shows too few faults to be worth its time."""

SECONDS_PER_QUERY = 5.0
"""The time after which the query of a mutant is interrupted, for example a recursion without end."""

Living = dict[str, list[Mutant]]


def find_surviving_measures(only: str = "") -> list[Mutant]:
    """Return the mutants of the measures whose results equal those of the naive engine everywhere.

    `only` is a part of the path of the files. The organizations have no teams, so the measures of teams are left to
    the tests of teams.
    """
    measures = {
        measure.name: measure
        for measure in find_measures()
        if only in _path_of(measure) and not measure.name.endswith("_by_team")
    }
    if not measures:
        return []
    with open_measures() as connection:
        living = {name: _valid_mutants(connection, measure) for name, measure in measures.items()}
        count = sum(map(len, living.values()))

        @settings(
            max_examples=ORGANIZATIONS,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(nights=organizations(), first=DAYS, length=st.sampled_from([400, 30, 6, 0, -1]))
        def test_living(nights: list[Reading], first: date, length: int) -> None:
            if sum(len(reading.absences) for reading in nights) < FEWEST_ABSENCES:
                return
            print(f"measures: {sum(map(len, living.values()))} of {count} mutants survive so far", flush=True)
            _kill(connection, measures, living, nights, (first, first + timedelta(days=length)))

        test_living()
    survivors = [mutant for mutants in living.values() for mutant in mutants]
    print(f"measures: {len(survivors)} of {count} mutants equal the naive engine", flush=True)
    return survivors


def _path_of(measure: Measure) -> str:
    return f"warehouse/{measure.statement}.sql"


def _valid_mutants(connection: duckdb.DuckDBPyConnection, measure: Measure) -> list[Mutant]:
    """Return the mutants of a measure that DuckDB accepts."""
    valid = []
    for mutant in make_mutants(_path_of(measure), read_statement(measure.statement)):
        try:
            connection.execute(mutant.text).fetchall()
        except duckdb.Error:
            continue
        valid.append(mutant)
    run_statement(connection, measure.statement)
    return valid


def _kill(
    connection: duckdb.DuckDBPyConnection,
    measures: dict[str, Measure],
    living: Living,
    nights: list[Reading],
    dates: tuple[date, date],
) -> None:
    """Remove each mutant whose result for the organization differs from that of the naive engine."""
    naive = read_naively(nights)
    fill_tables(connection, naive, nights)
    values = {"as_of_at": nights[len(nights) // 2].at, "from_date": dates[0], "to_date": dates[1]}
    for name, mutants in living.items():
        if not mutants:
            continue
        arguments = {parameter: values[parameter] for parameter in measures[name].parameters}
        expected = _compute(naive, name, arguments)
        query = f"FROM {name}({', '.join(f'${parameter}' for parameter in arguments)})"
        living[name] = [
            mutant for mutant in mutants if _equals(connection, mutant, query, arguments, expected)
        ]
        run_statement(connection, measures[name].statement)


def _compute(naive: NaiveWarehouse, name: str, arguments: dict[str, Any]) -> list[tuple[Any, ...]] | None:
    """Return the rows of the naive engine, or None for arguments that the measure has to refuse."""
    try:
        return compute(naive, name, arguments)
    except LookupError:
        return None


def _equals(
    connection: duckdb.DuckDBPyConnection,
    mutant: Mutant,
    query: str,
    arguments: dict[str, Any],
    expected: list[tuple[Any, ...]] | None,
) -> bool:
    """Return True if the mutant gives the expected rows, or refuses the arguments if none are expected.

    Any other error, and a query without end, is a difference.
    """
    timer = threading.Timer(SECONDS_PER_QUERY, connection.interrupt)
    try:
        connection.execute(mutant.text).fetchall()
        timer.start()
        return connection.execute(query, arguments).fetchall() == expected
    except duckdb.InvalidInputException:
        return expected is None
    except duckdb.Error:
        return False
    finally:
        timer.cancel()
