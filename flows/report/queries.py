"""Query the published database with named queries (its macros) or SQL, and render the rows as text."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from flows.report.plain_text import disarm_formulas, escape_cells, escape_controls, escape_json
from flows.settings.data_folder import require_publication
from flows.settings.errors import QueryError, QueryLimitError
from transforms.errors import TransformError
from transforms.privacy import suppress_small_groups
from warehouse.errors import WarehouseError
from warehouse.publish.measures import find_measures

NAMED = {measure.name: measure for measure in find_measures()}
"""The table macros of ooo.duckdb, by name."""


MOST_RESULT_BYTES = 2_000_000_000
"""The largest result of a query in memory."""

_READING = ("SELECT", "MULTI")
"""The types of statements that only read; DuckDB calls a PIVOT `MULTI`."""

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
    min_group_size: int = 1,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> pl.DataFrame:
    """Return the rows of the named query `name` over `dates`.

    `as_of_at` is an instant, UTC without a zone, for the named queries that take one. `min_group_size` is in
    people: smaller groups are suppressed, as `suppress_small_groups` describes. Queries that list people are
    not changed by it. Raises as `run_sql`.
    """
    measure = NAMED[name]
    values = {"from_date": dates.from_date, "to_date": dates.to_date, "as_of_at": as_of_at}
    parameters = {name: values[name] for name in measure.parameters}
    sql = f"FROM {measure.name}({', '.join(f'${parameter}' for parameter in parameters)})"
    try:
        rows = run_sql(database, sql, parameters, limits=limits)
    except QueryError as error:
        if not isinstance(error.__cause__, duckdb.CatalogException):
            raise
        switch = f" with {measure.switch}=true" if measure.switch else " with this version"
        message = f"{database} was published without {name}; run `ooo sync`{switch}"
        raise QueryError(message) from error.__cause__
    if min_group_size > 1 and "user_id" not in rows.columns:
        try:
            return suppress_small_groups(rows, min_group_size)
        except TransformError as error:
            message = f"{name} can't be shown with OOO_MIN_GROUP_SIZE={min_group_size}: {error}"
            raise QueryError(message) from error
    return rows


def run_sql(
    database: Path,
    sql: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> pl.DataFrame:
    """Return the rows of `sql`, which can only read. `parameters` are the values of its `$name` parameters.

    The query reads the published tables alone, unless `limits` are unrestricted. Raises `ConfigurationError` if
    nothing is published yet, `QueryError` if DuckDB refuses the query, `QueryLimitError` if the query exceeds a
    limit, and `WarehouseError` if the database cannot be opened.
    """
    require_publication(database)
    with _open_published(database, limits) as connection, _interrupting(connection, limits) as expired:
        try:
            if limits.is_restricted:
                _raise_unless_reading(connection, sql)
            relation = connection.sql(sql, params=parameters)
            if relation is None:
                return pl.DataFrame()
            return _read_rows(relation)
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
            if str(error) == "Query interrupted":  # DuckDB's form of Ctrl-C
                raise KeyboardInterrupt from error
            if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
                message = (
                    f"can't read {database}: {_first_line(error)}; run `ooo sync`, which publishes it again"
                )
                raise WarehouseError(message) from error
            raise QueryError(str(error)) from error


@contextlib.contextmanager
def _open_published(database: Path, limits: QueryLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that can only read. Raise `WarehouseError` if the file is damaged or not readable."""
    config: dict[str, Any] = {**_RESTRICTIONS, "memory_limit": limits.memory} if limits.is_restricted else {}
    try:
        connection = duckdb.connect(str(database), read_only=True, config=config)
    except duckdb.Error as error:
        message = (
            f"can't open {database}: {_first_line(error)}; if it is damaged, remove it and run `ooo sync`, which"
            " publishes it again; if it is not readable, correct its permissions"
        )
        raise WarehouseError(message) from error
    with connection:
        yield connection


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
    """Raise `QueryError` for a statement that is not a SELECT: COPY can overwrite the log of the database."""
    for statement in connection.extract_statements(sql):
        if statement.type.name not in _READING:
            message = (
                f"expected a SELECT over the published tables, found {statement.type.name}; add --unrestricted to"
                " run other statements, with access to all files of this user"
            )
            raise QueryError(message)


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


def render(rows: pl.DataFrame, output: str, *, draws_lines: bool = True, is_raw: bool = False) -> str:
    """Return `rows` as text: a `table`, `csv` or `json`. Without `draws_lines`, the table's lines are ASCII.

    Control characters are escaped in tables and in JSON. CSV cells that a spreadsheet would execute begin with an
    apostrophe, unless `is_raw`.
    """
    if output == "csv":
        try:
            return (rows if is_raw else disarm_formulas(rows)).write_csv().rstrip("\n")
        except pl.exceptions.PolarsError as error:
            raise QueryError(f"{error}; try --output json") from error
    if output == "json":
        return escape_json(json.dumps(rows.to_dicts(), default=str, ensure_ascii=False, indent=2))
    with pl.Config(
        tbl_rows=100,
        tbl_cols=-1,
        tbl_width_chars=220,
        fmt_str_lengths=60,
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        thousands_separator=False,
        tbl_formatting="UTF8_FULL_CONDENSED" if draws_lines else "ASCII_FULL_CONDENSED",
    ):
        return escape_controls(str(escape_cells(rows)))
