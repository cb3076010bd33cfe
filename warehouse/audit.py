"""Audits: what has to hold of the tables before anyone gets to read them."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from warehouse.errors import AuditError
from warehouse.tables import PublishedTable

_REFERENCES = (
    ("fct_ooo_entries", "organization_id, user_id", "dim_people"),
    ("fct_ooo_entries", "reason", "dim_reasons"),
    ("dim_team_members", "organization_id, team_id", "dim_teams"),
    ("fct_entry_days", "organization_id, entry_id", "fct_ooo_entries"),
    ("fct_entry_days", "date_on", "dim_dates"),
    ("fct_absence_days", "organization_id, user_id", "dim_people"),
    ("fct_absence_days", "date_on", "dim_dates"),
    ("fct_absence_days", "reason", "dim_reasons"),
    ("dim_people", "calendar", "dim_calendars"),
    ("dim_dates", "date_on", "dim_calendar_days"),
)


@dataclass(frozen=True)
class Audit:
    """One check: what has to hold, and how many rows say otherwise."""

    name: str
    offending_rows: int


def audit_tables(connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable]) -> list[Audit]:
    """All audits of the tables in `marts`, passed. Raises `AuditError` naming each that failed."""
    audits = [_audit_key(connection, table) for table in tables]
    audits += [_audit_required(connection, table) for table in tables]
    audits += [_audit_reference(connection, *reference) for reference in _REFERENCES]
    audits += [_audit_conservation(connection), _audit_history(connection), _audit_days(connection)]
    failures = [f"{one.name}: {one.offending_rows} row(s)" for one in audits if one.offending_rows]
    if failures:
        raise AuditError(failures)
    return audits


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    found: int = connection.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]  # noqa: S608
    return found


def _audit_key(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> Audit:
    repeated = f"SELECT 1 FROM marts.{table.name} GROUP BY {table.key_list()} HAVING count(*) > 1"  # noqa: S608
    return Audit(f"{table.name} has one row a {table.key_list()}", _count(connection, repeated))


def _audit_required(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> Audit:
    required = [column.name for column in table.columns if not column.is_nullable]
    nulls = " OR ".join(f"{name} IS NULL" for name in required)
    query = f"SELECT 1 FROM marts.{table.name} WHERE {nulls}"  # noqa: S608
    return Audit(f"{table.name} has no null in {', '.join(required)}", _count(connection, query))


def _audit_reference(connection: duckdb.DuckDBPyConnection, table: str, columns: str, target: str) -> Audit:
    orphans = f"SELECT 1 FROM marts.{table} ANTI JOIN marts.{target} USING ({columns})"  # noqa: S608
    return Audit(f"every {table} has its {target} by {columns}", _count(connection, orphans))


def _audit_conservation(connection: duckdb.DuckDBPyConnection) -> Audit:
    lost = (
        "SELECT 1 FROM ops.runs WHERE rows_in <> rows_inserted + rows_updated + rows_unchanged"
        " + rows_quarantined"
    )
    return Audit("every row read is inserted, updated, unchanged or quarantined", _count(connection, lost))


def _audit_history(connection: duckdb.DuckDBPyConnection) -> Audit:
    unclear = (
        "SELECT 1 FROM marts.fct_ooo_entries AS e"
        " LEFT JOIN marts.ooo_entry_history AS h USING (organization_id, entry_id)"
        " GROUP BY organization_id, entry_id HAVING count(h.change) FILTER (h.valid_to IS NULL) <> 1"
    )
    return Audit("every entry has one open version in its history", _count(connection, unclear))


def _audit_days(connection: duckdb.DuckDBPyConnection) -> Audit:
    different = (
        "SELECT 1 WHERE (SELECT count(*) FROM marts.fct_entry_days)"
        " <> (SELECT coalesce(sum(entry_count), 0) FROM marts.fct_absence_days)"
    )
    return Audit(
        "fct_entry_days and fct_absence_days count the same entry-days", _count(connection, different)
    )
