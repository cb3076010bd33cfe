"""Audits: what has to hold of the tables before anyone gets to read them, and what is worth a warning.

An audit of severity `error` that finds offenders stops the publication; a `warning` is counted, kept and
published all the same. Each of `AUDITS` is a statement in `warehouse/audits/<name>.sql` that counts its
offenders; what holds of every published table follows from the table's declaration. Keys are looked at in
the reader's database, whose rows are ascending by key: there one pass, which holds no row, finds doubles.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import duckdb

from warehouse.connection import run_in_parallel, run_statement, select_each, transaction
from warehouse.errors import AuditError
from warehouse.load.findings import Audit
from warehouse.tables import PublishedTable


@dataclass(frozen=True)
class Expectations:
    """What is taken for sound; beyond it is a warning."""

    horizon_first_on: date
    horizon_last_on: date
    longest_days: int = 1_096
    """Three years: longer than any leave that is planned in one piece."""
    fresh_for: timedelta = timedelta(hours=36)
    """A night, and half a day's patience."""


_ERRORS = {
    "entries_have_people": "every entry has its person",
    "entries_have_reasons": "every entry has a declared reason",
    "entries_have_their_days": "live entries have their days, each of them, and no others have",
    "entry_days_have_dates": "every day of an entry is in the calendar",
    "absence_days_have_people": "every day of absence has its person",
    "absence_days_have_dates": "every day of absence is in the calendar",
    "absence_days_have_reasons": "every day of absence has a declared reason",
    "members_have_teams": "every membership has its team",
    "people_have_calendars": "every person has a declared work calendar",
    "calendars_have_every_date": "every work calendar has the dates of the calendar, no others",
    "days_are_counted_alike": "both tables of days count the same entry-days",
    "rows_are_conserved": "every row read is inserted, updated, unchanged or quarantined",
    "history_has_one_open_version": "every entry has one version that is valid now, and agrees",
    "history_is_unbroken": "versions follow each other without a gap or an overlap",
    "history_changes_are_known": "every version has a declared change",
    "runs_are_known": "every run has a declared strategy and outcome",
    "scopes_are_known": "every scope has a declared verdict, and its user",
    "dates_are_sound": "the calendar agrees with itself",
    "day_counts_are_sound": "day counts are those of the dates",
}
_WARNINGS = {
    "entries_end_after_they_start": "no live entry ends before it starts",
    "entries_are_not_endless": "no live entry is longer than three years",
    "entries_lie_within_the_horizon": "no live entry lies beyond the calendar's horizon",
    "organizations_are_fresh": "every organization has a snapshot of the last 36 hours",
    "everything_is_confirmed": "the latest snapshots confirm every person and live entry",
}
AUDITS = (
    *(Audit(name, "error", promise) for name, promise in _ERRORS.items()),
    *(Audit(name, "warning", promise) for name, promise in _WARNINGS.items()),
)
"""Every audit with a statement of its own, in the order they are run."""


def audit_marts(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[PublishedTable],
    *,
    run_id: str,
    checked_at: datetime,
    expected: Expectations,
) -> list[Audit]:
    """All audits of what is about to be published, recorded. Raises `AuditError` naming each that failed."""
    parameters = {"run_id": run_id, "checked_at": checked_at, **asdict(expected)}
    counting = [
        partial(run_statement, name=f"load/audits/{audit.name}", parameters=parameters) for audit in AUDITS
    ]
    counted = run_in_parallel(connection, counting)
    audits = [_count(audit, rows[0]) for audit, rows in zip(AUDITS, counted, strict=True)]
    found = select_each(connection, [_missing_values(table) for table in tables])
    audits += [_count(_required(table), rows) for table, rows in zip(tables, found, strict=True)]
    record_audits(connection, audits, run_id=run_id, checked_at=checked_at)
    raise_if_failed(audits)
    return audits


def audit_keys(connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable]) -> list[Audit]:
    """Whether each table of the attached database `reader`, written ascending by key, has no key twice."""
    found = select_each(connection, [_out_of_order(table) for table in tables])
    for position, ((count,), table) in enumerate(zip(found, tables, strict=True)):
        if count:  # strictly ascending rows are all different; others may be
            found[position] = connection.execute(_repeated(table)).fetchall()[0]
    return [_count(_one_row_a_key(table), rows) for table, rows in zip(tables, found, strict=True)]


def audit_counts(database: dict[str, int], parquet: dict[str, int]) -> Audit:
    """Whether the reader's database and the Parquet files, as the manifest has them, have the same rows."""
    different = sum(rows != parquet.get(name) for name, rows in database.items())
    return Audit("counts_agree", "error", "DuckDB, Parquet and the manifest count the same rows", different)


def record_audits(
    connection: duckdb.DuckDBPyConnection, audits: Sequence[Audit], *, run_id: str, checked_at: datetime
) -> None:
    """What the audits found is in `ops.audits`, in place of what they found of this run before."""
    parameters = {
        "run_id": run_id,
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
    """Raises `AuditError` naming each audit that stands against publication."""
    if any(audit.is_failed for audit in audits):
        raise AuditError(audits)


def _count(audit: Audit, row: Sequence[Any]) -> Audit:
    return replace(audit, offending_rows=row[0])


def _required(table: PublishedTable) -> Audit:
    return Audit(f"{table.name}_required", "error", f"{table.name} has every value that it must have")


def _missing_values(table: PublishedTable) -> str:
    required = [column.name for column in table.columns if not column.is_nullable]
    nulls = " OR ".join(f"{name} IS NULL" for name in required)
    return f"SELECT count(*) FROM marts.{table.name} WHERE {nulls}"  # noqa: S608 - declared names


def _one_row_a_key(table: PublishedTable) -> Audit:
    return Audit(f"{table.name}_key", "error", f"{table.name} has one row a {table.key_list()}")


def _out_of_order(table: PublishedTable) -> str:
    former = ", ".join(f"lag({name}) OVER ()" for name in table.key)
    return (
        f"SELECT count(*) FROM (SELECT row({table.key_list()}) AS own, row({former}) AS former,"  # noqa: S608
        f" lag({table.key[0]}) OVER () IS NOT NULL AS has_former FROM reader.main.{table.name})"
        " WHERE has_former AND own <= former"
    )


def _repeated(table: PublishedTable) -> str:
    repeated = f"SELECT {table.key_list()} FROM reader.main.{table.name} GROUP BY ALL HAVING count(*) > 1"  # noqa: S608
    return f"SELECT count(*) FROM ({repeated})"  # noqa: S608
