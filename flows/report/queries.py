"""Query the published database with named queries (its macros) or SQL."""

import contextlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from flows.report.filters import NO_FILTERS, Fetch, Filters, restrict_tables, select
from flows.settings.data_folder import require_publication
from flows.settings.errors import QueryError, QueryLimitError, SqlError
from transforms.hidden_reasons import OTHER_LEVELS, hide_reasons
from transforms.schema import PUBLISHED
from transforms.suppression import SHARES_OF_DAYS, suppress_days, suppress_small_groups
from warehouse.connection import catching_interrupts, open_publication, read_statement
from warehouse.errors import WarehouseError
from warehouse.publish.measures import Measure, find_measures
from warehouse.read.contributions import isolate_people

NAMED = {measure.name: measure for measure in find_measures()}
"""The table macros of ooo.duckdb, by name."""


MOST_RESULT_BYTES = 2_000_000_000
"""The largest result of a query in memory."""

_READING = ("SELECT", "MULTI")
"""The types of statements that only read; DuckDB calls a PIVOT `MULTI`."""

_WAIT_SECONDS = 0.2
"""The longest time in which a query does not react to a signal."""

_RESTRICTIONS = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",
    "lock_configuration": "true",
}
"""The options of DuckDB that keep a query inside the published database. A locked option cannot be changed."""


@dataclass(frozen=True)
class QueryLimits:
    """The limits of one query."""

    seconds: float = 300.0
    memory: str = "2GB"
    """In DuckDB's notation. A restricted query does not spill to disk."""
    is_restricted: bool = True
    """True permits SELECT over the published tables alone; False also permits files and other databases."""


DEFAULT_LIMITS = QueryLimits()


@dataclass(frozen=True)
class Dates:
    """A range of civil dates, both ends included."""

    from_date: date
    to_date: date


def run_named(  # noqa: PLR0913 - the parameters of named queries
    database: Path,
    name: str,
    dates: Dates,
    as_of_at: datetime | None = None,
    *,
    filters: Filters = NO_FILTERS,
    min_group_size: int = 1,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> pl.DataFrame:
    """Return the rows of the named query `name` over `dates`, for the people and reasons of `filters`.

    `as_of_at` is an instant, UTC without a zone, for the named queries that take one. `min_group_size` is in
    people: smaller groups are suppressed, as `suppress_small_groups` describes, and a query that lists people is
    refused. Raises as `run_sql`, and `QueryError` for a filter that the query does not take.
    """
    measure = NAMED[name]
    values = {"from_date": dates.from_date, "to_date": dates.to_date, "as_of_at": as_of_at}
    sql, parameters = _call_of(name, values)
    with open_published(database, limits) as fetch:
        try:
            selection = select(fetch, filters)
            columns = fetch(f"{sql} LIMIT 0", parameters).columns if filters.options() else []
            if options := selection.unmatched(columns):
                _raise_if_groups_could_be_subtracted(name, columns, options, min_group_size)
                restrict_tables(fetch, measure, selection, options)
            rows = fetch(sql, parameters)
            if min_group_size > 1:
                rows = _suppress(fetch, name, values, rows, min_group_size)
        except SqlError as error:
            raise _describe_refusal(database, name, error) from error.__cause__
    return selection.matching(rows)


def _call_of(name: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the statement of the named query, and those of `values` that it takes."""
    parameters = {parameter: values[parameter] for parameter in NAMED[name].parameters}
    return f"FROM {name}({', '.join(f'${parameter}' for parameter in parameters)})", parameters


def _raise_if_groups_could_be_subtracted(
    name: str, columns: Sequence[str], options: Sequence[str], min_group_size: int
) -> None:
    """Raise `QueryError` for a measure of chosen people or reasons: less than the whole, it reveals the others."""
    if min_group_size > 1 and "user_id" not in columns:
        message = (
            f"{name} can't be restricted by {' and '.join(options)} with OOO_MIN_GROUP_SIZE={min_group_size}, because"
            " the difference to the whole would show a small group; choose a query that lists teams or reasons"
        )
        raise QueryError(message)


def _describe_refusal(database: Path, name: str, error: SqlError) -> QueryError:
    """Return the error of a named query as an error of its arguments or of the publication, where it is one."""
    cause = error.__cause__
    if isinstance(cause, duckdb.CatalogException):
        return QueryError(_describe_unpublished(database, NAMED[name]))
    if isinstance(cause, duckdb.InvalidInputException):  # the macro refuses its arguments
        return QueryError(f"{name}: {str(cause).partition(': ')[2] or cause}")
    return error


def _describe_unpublished(database: Path, measure: Measure) -> str:
    switch = f" with {measure.switch}=true" if measure.switch else " with this version"
    return f"{database} was published without {measure.name}; run `ooo sync`{switch}"


def _suppress(
    fetch: Fetch, name: str, values: Mapping[str, Any], rows: pl.DataFrame, least: int
) -> pl.DataFrame:
    """Return `rows` of the named query without groups of fewer than `least` people, by what each person contributes."""
    if "user_id" in rows.columns:
        message = (
            f"{name} lists people, so OOO_MIN_GROUP_SIZE={least} does not allow it; choose a query over groups, such"
            " as absence_by_reason"
        )
        raise QueryError(message)
    by_day = fetch(*_call_of("absence_by_day", values)) if name in SHARES_OF_DAYS else None
    isolate_people(fetch, PUBLISHED)
    numbered = fetch("SELECT organization_id, person FROM numbered_people")

    def contributions(query: str) -> pl.DataFrame:
        return (
            fetch(*_call_of(query, values)).rename({"organization_id": "person"}).join(numbered, on="person")
        )

    range_of_dates = {parameter: values[parameter] for parameter in ("from_date", "to_date")}
    days = fetch(read_statement("read/sql/select_person_days"), range_of_dates)
    if by_day is not None:
        people_by_day = contributions("absence_by_day")
        return suppress_days(name, rows, contributions(name), by_day, people_by_day, days, least)
    others = {query: contributions(query) for query, _ in OTHER_LEVELS.values()}
    hidden = hide_reasons(days, others, least)
    return suppress_small_groups(name, rows, contributions(name), days, least, hidden)


def run_sql(
    database: Path,
    sql: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> pl.DataFrame:
    """Return the rows of `sql`, which can only read. `parameters` are the values of its `$name` parameters.

    The query reads the published tables alone, unless `limits` are unrestricted. Raises `ConfigurationError` if
    nothing is published yet, `QueryError` for a statement that does more than read or names a measure that is not
    published, `SqlError` if DuckDB cannot run it, `QueryLimitError` if the query exceeds a limit, and
    `WarehouseError` if the database cannot be opened.
    """
    with open_published(database, limits) as fetch:
        try:
            return fetch(sql, parameters, reads_only=limits.is_restricted)
        except SqlError as error:
            missing = re.search(r"Table Function with name (\w+) does not exist", str(error))
            if missing is None or missing[1] not in NAMED:
                raise
            raise QueryError(_describe_unpublished(database, NAMED[missing[1]])) from error


@contextlib.contextmanager
def open_published(database: Path, limits: QueryLimits = DEFAULT_LIMITS) -> Iterator[Fetch]:
    """Yield a function that runs statements on the published database. Raise as `run_sql`."""
    require_publication(database)
    config = {**_RESTRICTIONS, "memory_limit": limits.memory} if limits.is_restricted else {}
    with (
        open_publication(database, config) as connection,
        _interrupting(connection, limits) as expired,
    ):

        def fetch(
            sql: str, parameters: Mapping[str, Any] | None = None, *, reads_only: bool = False
        ) -> pl.DataFrame:
            with _translating_errors(database, limits, expired), catching_interrupts():
                if reads_only:
                    _raise_unless_reading(connection, sql)
                relation = connection.sql(sql, params=parameters)
                return pl.DataFrame() if relation is None else _read_interruptibly(connection, relation)

        yield fetch


@contextlib.contextmanager
def _translating_errors(database: Path, limits: QueryLimits, expired: threading.Event) -> Iterator[None]:
    """Raise the errors of DuckDB in the block as errors of this project."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        message = (
            f"the query needs more memory than {limits.memory}: {_first_line(error)}; choose a shorter range"
            " or fewer columns, or set OOO_MEMORY_LIMIT"
        )
        raise QueryLimitError(message) from error
    except (duckdb.Error, pl.exceptions.PolarsError, OSError, RuntimeError) as error:
        if expired.is_set():
            message = (
                f"the query was interrupted after {limits.seconds:g} s, its time limit; simplify it, or raise"
                " OOO_QUERY_SECONDS"
            )
            raise QueryLimitError(message) from error
        if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
            message = f"can't read {database}: {_first_line(error)}; run `ooo sync`, which publishes it again"
            raise WarehouseError(message) from error
        if isinstance(error, duckdb.PermissionException):
            message = f"{error}; add --unrestricted to read other files and databases"
            raise QueryError(message) from error
        raise SqlError(str(error)) from error


@contextlib.contextmanager
def _interrupting(connection: duckdb.DuckDBPyConnection, limits: QueryLimits) -> Iterator[threading.Event]:
    """Interrupt the query of the block at its time limit. Yield an event that is set by then."""
    expired = threading.Event()

    def interrupt() -> None:
        expired.set()
        connection.interrupt()

    timer = threading.Timer(limits.seconds, interrupt)
    timer.daemon = True
    if limits.is_restricted:
        timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def _raise_unless_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise `QueryError` unless `sql` is one SELECT: COPY can overwrite the log of the database.

    DuckDB returns the rows of the last statement alone, so several statements would hide rows.
    """
    statements = connection.extract_statements(sql)
    for statement in statements:
        if statement.type.name not in _READING:
            message = (
                f"expected a SELECT over the published tables, found {statement.type.name}; add --unrestricted to"
                " run other statements, with access to all files of this user"
            )
            raise QueryError(message)
    if len(statements) > 1:
        raise QueryError(
            f"expected one statement, found {len(statements)}; run each with a command of its own"
        )


def _read_interruptibly(
    connection: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation
) -> pl.DataFrame:
    """Return the rows of the relation, read on a thread.

    DuckDB's stream does not react to a signal itself. Polars installs a handler for Ctrl-C after which the system
    resumes a wait, so that the wait is a series of short ones.
    """
    with ThreadPoolExecutor(max_workers=1) as executor:
        rows = executor.submit(_read_rows, relation)
        try:
            while not wait([rows], timeout=_WAIT_SECONDS).done:
                pass
            return rows.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def _read_rows(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """Return the rows of the relation. Raise `QueryLimitError` if they are larger than `MOST_RESULT_BYTES`."""
    import pyarrow as pa  # noqa: PLC0415 - loaded with the first query

    with relation.to_arrow_reader(100_000) as batches:
        read, size = [], 0
        for batch in batches:
            read.append(batch)
            size += batch.nbytes
            if size > MOST_RESULT_BYTES:
                message = (
                    f"the result is larger than {MOST_RESULT_BYTES / 1e9:g} GB; choose a shorter range or fewer"
                    " columns"
                )
                raise QueryLimitError(message)
        table = pa.Table.from_batches(read, batches.schema)
    rows = pl.from_arrow(table)
    return rows if isinstance(rows, pl.DataFrame) else rows.to_frame()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
