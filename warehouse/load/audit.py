"""Audits: checks of the tables before publication.

An audit of severity `error` that has offending rows stops the publication. A `warning` is counted, recorded and
published. Each of `AUDITS` is a statement `warehouse/load/audits/check_<name>.sql` that counts the offending
rows; its first line declares the severity and the promise. The audits of required values and of keys follow
from the declarations of the published tables. Keys are checked in the published database, whose rows ascend
by key: a single pass finds repeated keys there and holds no row in memory.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from importlib.resources import files
from typing import Any, Literal, cast

import duckdb

from warehouse.connection import read_statement, run_in_parallel, run_statement, select_each, transaction
from warehouse.errors import AuditError
from warehouse.tables import PublishedTable

Severity = Literal["error", "warning"]

_FILE = re.compile(r"check_(\w+)\.sql")
_HEADER = re.compile(r"-- Audit: (error|warning)\. Promise: (.+)\.")


@dataclass(frozen=True)
class Audit:
    """One audit: its promise, and the number of rows that break the promise."""

    name: str
    severity: Severity
    promise: str
    offending_rows: int = 0

    @property
    def is_failed(self) -> bool:
        """Return True if the audit stops the publication."""
        return self.severity == "error" and self.offending_rows > 0

    @property
    def is_warning(self) -> bool:
        """Return True if the audit has offending rows and does not stop the publication."""
        return self.severity == "warning" and self.offending_rows > 0


def find_audits() -> tuple[Audit, ...]:
    """Return every audit that has a file in `warehouse/load/audits`: first the errors, each kind by name."""
    names = [
        match[1]
        for entry in files("warehouse").joinpath("load/audits").iterdir()
        if (match := _FILE.fullmatch(entry.name))
    ]
    audits = [parse_audit(name, read_statement(_statement(name))) for name in names]
    return tuple(sorted(audits, key=lambda audit: (audit.severity, audit.name)))


def parse_audit(name: str, text: str) -> Audit:
    """Return the audit that the first line of `text` declares. Raise `ValueError` if it declares none."""
    header = text.partition("\n")[0]
    match = _HEADER.fullmatch(header)
    if match is None:
        raise ValueError(
            f"check_{name}.sql: expected `-- Audit: error. Promise: ….` or `-- Audit: warning. Promise: ….`"
            f" in the first line, found {header!r}"
        )
    severity, promise = match.groups()
    return Audit(name, cast("Severity", severity), promise)


def _statement(name: str) -> str:
    return f"load/audits/check_{name}"


AUDITS = find_audits()
"""Every audit that has a statement of its own, in the order in which they run."""


@dataclass(frozen=True)
class Expectations:
    """The bounds of plausible values; values beyond them are warnings."""

    horizon_first_on: date
    horizon_last_on: date
    longest_days: int = 1_096
    """Three years: longer than any leave that is planned in one piece."""
    fresh_for: timedelta = timedelta(hours=36)
    """The maximum age of a snapshot: one day, and half a day more for a late run."""


def audit_marts(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[PublishedTable],
    *,
    run_id: str,
    checked_at: datetime,
    expected: Expectations,
) -> list[Audit]:
    """Run all audits of the marts, and record them as the only ones of the run. Raise `AuditError` if one fails."""
    parameters = {"run_id": run_id, "checked_at": checked_at, **asdict(expected)}
    counts = run_in_parallel(
        connection,
        [partial(run_statement, name=_statement(audit.name), parameters=parameters) for audit in AUDITS],
    )
    audits = [_count(audit, rows[0]) for audit, rows in zip(AUDITS, counts, strict=True)]
    missing = select_each(connection, [_select_missing_values(table) for table in tables])
    audits += [_count(_required(table), row) for table, row in zip(tables, missing, strict=True)]
    # A run that is published again, after a kill, must publish the same rows of `audits` as the first time.
    record_audits(connection, audits, run_id=run_id, checked_at=checked_at, replaces_run=True)
    raise_if_failed(audits)
    return audits


def audit_keys(connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable]) -> list[Audit]:
    """Check that no table of the attached database `published`, written ascending by key, repeats a key."""
    counts = select_each(connection, [_select_out_of_order(table) for table in tables])
    for position, ((count,), table) in enumerate(zip(counts, tables, strict=True)):
        if count:  # rows that ascend strictly are all different; only the others can repeat a key
            counts[position] = connection.execute(_select_repeated_keys(table)).fetchall()[0]
    return [_count(_unique_key(table), row) for table, row in zip(tables, counts, strict=True)]


def audit_counts(database: dict[str, int], parquet: dict[str, int]) -> Audit:
    """Compare the rows per table of the published database with those of the Parquet files."""
    different = sum(rows != parquet.get(name) for name, rows in database.items())
    return Audit("counts_agree", "error", "DuckDB, Parquet and the manifest count the same rows", different)


def record_audits(
    connection: duckdb.DuckDBPyConnection,
    audits: Sequence[Audit],
    *,
    run_id: str,
    checked_at: datetime,
    replaces_run: bool = False,
) -> None:
    """Store the results in `ops.audits`; they replace earlier results of the same audits of the same run.

    With `replaces_run`, they replace all earlier results of the run.
    """
    parameters = {
        "run_id": run_id,
        "replaces_run": replaces_run,
        "checked_at": checked_at,
        "audits": [audit.name for audit in audits],
        "severities": [audit.severity for audit in audits],
        "promises": [audit.promise for audit in audits],
        "offending_rows": [audit.offending_rows for audit in audits],
    }
    with transaction(connection):
        run_statement(connection, "load/sql/delete_audits", parameters)
        run_statement(connection, "load/sql/insert_audits", parameters)


def raise_if_failed(audits: Sequence[Audit]) -> None:
    """Raise `AuditError` if an audit failed."""
    if failures := {audit.promise: audit.offending_rows for audit in audits if audit.is_failed}:
        raise AuditError(failures)


def _count(audit: Audit, row: Sequence[Any]) -> Audit:
    return replace(audit, offending_rows=row[0])


def _required(table: PublishedTable) -> Audit:
    return Audit(f"{table.name}_required", "error", f"{table.name} has every value that it must have")


def _select_missing_values(table: PublishedTable) -> str:
    required = [column.name for column in table.columns if not column.is_nullable]
    nulls = " OR ".join(f"{name} IS NULL" for name in required)
    return f"SELECT count(*) FROM marts.{table.name} WHERE {nulls}"  # noqa: S608 - declared names


def _unique_key(table: PublishedTable) -> Audit:
    return Audit(f"{table.name}_key", "error", f"{table.name} has one row per {table.key_list()}")


def _select_out_of_order(table: PublishedTable) -> str:
    previous = ", ".join(f"lag({name}) OVER ()" for name in table.key)
    return (
        f"SELECT count(*) FROM (SELECT row({table.key_list()}) AS key, row({previous}) AS previous_key,"  # noqa: S608
        f" lag({table.key[0]}) OVER () IS NOT NULL AS has_previous FROM ooo.main.{table.name})"
        " WHERE has_previous AND key <= previous_key"
    )


def _select_repeated_keys(table: PublishedTable) -> str:
    repeated = f"SELECT {table.key_list()} FROM ooo.main.{table.name} GROUP BY ALL HAVING count(*) > 1"  # noqa: S608
    return f"SELECT count(*) FROM ({repeated})"  # noqa: S608
