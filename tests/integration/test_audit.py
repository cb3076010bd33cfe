"""Audits: each broken promise is found by exactly its audit, errors stop the publication, warnings do not."""

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows.run.publication import EXPECTED
from tests.support.naive import Absence
from tests.support.naive_teams import Membership, Team, TeamReading
from tests.support.warehouse import TABLES, audit_and_publish, load, new_warehouse, night, read_all, rows_of
from warehouse.errors import AuditError
from warehouse.load.audit import AUDITS, audit_counts, audit_marts, parse_audit, raise_if_failed
from warehouse.publish.publication import publish
from warehouse.tables import PublishedTable

Break = Callable[[duckdb.DuckDBPyConnection], None]

DOCUMENT = Path(__file__).parents[2] / "docs" / "audits.md"
FIRST = Absence(1, 1, date(2026, 3, 2), date(2026, 3, 6))
SECOND = Absence(2, 2, date(2026, 3, 2), date(2026, 3, 6))
DELETED = Absence(3, 3, date(2026, 3, 2), date(2026, 3, 6))
USERS = (1, 2, 3, 4)
TEAMS = TeamReading(
    teams=(Team(11, "Sales"),),
    memberships=(Membership(1, 11, 1),),
    list_verdict="complete",
    verdicts={11: "complete"},
)
RUN_ID = read_all(at=night(2)).run_id


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Provide a warehouse after two nights: two people with a live entry, a tombstone, a person without entry."""
    with new_warehouse() as opened:
        load(opened, read_all((FIRST, SECOND, DELETED), at=night(1), users=USERS, teams=TEAMS))
        load(opened, read_all((FIRST, SECOND), at=night(2), users=USERS, teams=TEAMS))
        yield opened


def sql(*statements: str) -> Break:
    """Break a promise by statements."""

    def run(connection: duckdb.DuckDBPyConnection) -> None:
        for statement in statements:
            connection.execute(statement).fetchall()

    return run


def entry(absence: Absence) -> Break:
    """Break a promise by one more entry in the latest snapshot."""
    return lambda connection: load_again(connection, (FIRST, SECOND, absence))


def load_again(
    connection: duckdb.DuckDBPyConnection, absences: tuple[Absence, ...], **options: object
) -> None:
    connection.execute("DELETE FROM ops.runs WHERE run_id = $run_id", {"run_id": RUN_ID}).fetchall()
    load(connection, read_all(absences, at=night(2), users=USERS, teams=TEAMS, **options))


def load_another_organization(connection: duckdb.DuckDBPyConnection) -> None:
    earlier = "UPDATE ops.runs SET started_at = started_at - INTERVAL 40 HOUR WHERE organization_id = 8"
    load(connection, read_all(at=night(1), organization_id=8))
    connection.execute(earlier).fetchall()


def confirm_no_entry(connection: duckdb.DuckDBPyConnection) -> None:
    load(connection, read_all(at=night(3), users=USERS, teams=TEAMS, verdicts={("users", None): "complete"}))


BREAKS: dict[str, list[Break]] = {
    "absence_days_have_dates": [sql("UPDATE marts.person_days SET date_on = date_on - INTERVAL 90 YEAR")],
    "absence_days_have_people": [sql("UPDATE marts.person_days SET user_id = 99 WHERE user_id = 1")],
    "absence_days_have_reasons": [sql("UPDATE marts.person_days SET reason = 'undeclared'")],
    "calendars_have_every_date": [
        sql("DELETE FROM marts.dim_calendar_days WHERE date_on = '2026-06-15'"),
        sql(
            "INSERT INTO marts.dim_calendar_days SELECT calendar, '1901-01-01', false, NULL, 0 FROM marts.dim_calendars"
        ),
    ],
    "dates_are_sound": [
        sql("UPDATE marts.dim_dates SET weekday = 8 WHERE date_on = '2026-06-15'"),
        sql("UPDATE marts.dim_dates SET is_weekend = true WHERE date_on = '2026-06-15'"),
        sql("UPDATE marts.dim_dates SET quarter = 1 WHERE date_on = '2026-06-15'"),
    ],
    "day_counts_are_sound": [
        sql("UPDATE core.ooo_entries SET calendar_days = 6 WHERE entry_id = 1"),
        sql("UPDATE core.ooo_entries SET materialized_days = 6 WHERE entry_id = 3"),
    ],
    "days_are_counted_alike": [sql("DELETE FROM marts.person_days WHERE date_on = '2026-03-04'")],
    "dates_follow_the_day_rule": [
        sql("UPDATE core.ooo_entries SET date_rule = 'date_parts' WHERE entry_id = 1"),
    ],
    "deletions_have_causes": [
        sql("UPDATE core.ooo_entries SET deletion_cause = 'deleted' WHERE entry_id = 1"),
        sql("UPDATE core.ooo_entries SET deletion_cause = NULL WHERE deleted_at IS NOT NULL"),
        sql("UPDATE core.ooo_entries SET deletion_cause = 'undeclared' WHERE deleted_at IS NOT NULL"),
    ],
    "entries_are_not_endless": [entry(Absence(4, 4, date(2026, 3, 2), date(2030, 3, 2)))],
    "entries_end_after_they_start": [entry(Absence(4, 4, date(2026, 3, 6), date(2026, 3, 2)))],
    "entries_have_people": [sql("DELETE FROM core.people WHERE user_id = 3")],
    "entries_have_reasons": [sql("UPDATE core.ooo_entries SET reason = 'undeclared' WHERE entry_id = 1")],
    "entries_have_their_days": [
        sql("UPDATE marts.fct_entry_days SET user_id = 2 WHERE entry_id = 1 AND date_on = '2026-03-04'"),
        sql("UPDATE marts.fct_entry_days SET entry_id = 9 WHERE entry_id = 1"),
        sql(
            "UPDATE marts.fct_entry_days SET date_on = '2026-03-09' WHERE entry_id = 1 AND date_on = '2026-03-04'"
        ),
        sql(
            "DELETE FROM marts.fct_entry_days WHERE entry_id = 1 AND date_on = '2026-03-04'",
            "DELETE FROM marts.person_days WHERE user_id = 1 AND date_on = '2026-03-04'",
        ),
        sql(
            "UPDATE core.ooo_entries SET deleted_at = '2026-01-09', deletion_cause = 'deleted' WHERE entry_id = 1",
            "UPDATE core.ooo_entry_history SET change = 'vanished' WHERE entry_id = 1",
        ),
    ],
    "entries_lie_within_the_horizon": [
        entry(Absence(4, 4, date(1926, 3, 2), date(1926, 3, 2))),
        entry(Absence(4, 4, date(2099, 12, 31), date(2100, 1, 1))),
    ],
    "entry_days_have_dates": [
        sql(
            "DELETE FROM marts.dim_dates WHERE date_on = '2026-03-04'",
            "DELETE FROM marts.dim_calendar_days WHERE date_on = '2026-03-04'",
            "UPDATE marts.person_days SET date_on = '2026-03-07' WHERE date_on = '2026-03-04'",
        )
    ],
    "everything_is_confirmed": [confirm_no_entry],
    "history_changes_are_known": [
        sql("UPDATE core.ooo_entry_history SET change = 'undeclared' WHERE entry_id = 1")
    ],
    "history_has_one_open_version": [
        sql("UPDATE core.ooo_entry_history SET change = 'vanished' WHERE entry_id = 1"),
        sql("DELETE FROM core.ooo_entry_history WHERE entry_id = 1"),
        sql("INSERT INTO core.ooo_entry_history FROM core.ooo_entry_history WHERE entry_id = 1"),
        sql("DELETE FROM core.ooo_entries WHERE entry_id = 3"),
    ],
    "history_is_unbroken": [
        sql("UPDATE core.ooo_entry_history SET valid_to = valid_to - INTERVAL 1 HOUR WHERE entry_id = 3"),
        sql("UPDATE core.ooo_entry_history SET valid_to = valid_to + INTERVAL 1 HOUR WHERE entry_id = 3"),
    ],
    "members_have_teams": [sql("UPDATE core.team_members SET team_id = 99")],
    "organizations_are_fresh": [load_another_organization],
    "people_have_calendars": [
        sql("UPDATE marts.person_calendars SET calendar = 'undeclared' WHERE user_id = 4")
    ],
    "rows_are_conserved": [
        sql("UPDATE ops.runs SET rows_in = rows_in + 1 WHERE started_at = '2026-01-02 05:00'"),
        sql("UPDATE ops.runs SET rows_deleted = -1 WHERE started_at = '2026-01-02 05:00'"),
    ],
    "runs_are_known": [
        sql("UPDATE ops.runs SET outcome = 'undeclared' WHERE started_at = '2026-01-01 05:00'"),
        sql("UPDATE ops.runs SET strategy = 'undeclared' WHERE started_at = '2026-01-01 05:00'"),
        sql("UPDATE ops.runs SET finished_at = started_at - INTERVAL 1 SECOND"),
        sql("UPDATE ops.runs SET scopes_failed = -1 WHERE started_at = '2026-01-01 05:00'"),
    ],
    "scopes_are_known": [
        sql("UPDATE ops.scopes SET verdict = 'undeclared' WHERE scope_kind = 'users'"),
        sql("UPDATE ops.scopes SET scope_kind = 'undeclared' WHERE scope_kind = 'users'"),
        sql("UPDATE ops.scopes SET user_id = 1 WHERE scope_kind = 'users'"),
        sql("UPDATE ops.scopes SET team_id = 11 WHERE scope_kind = 'users'"),
        sql("UPDATE ops.scopes SET user_id = 1 WHERE scope_kind = 'organization'"),
        sql("UPDATE ops.scopes SET team_id = 11 WHERE scope_kind = 'teams'"),
        sql("UPDATE ops.scopes SET scope_kind = 'user' WHERE scope_kind = 'organization'"),
        sql("UPDATE ops.scopes SET team_id = NULL WHERE scope_kind = 'team'"),
        sql("UPDATE ops.scopes SET user_id = 1 WHERE scope_kind = 'team'"),
    ],
}
"""Ways to break the promise of each audit, and no other promise."""

CASES = [
    pytest.param(name, broken, id=f"{name}-{number}")
    for name, breaks in BREAKS.items()
    for number, broken in enumerate(breaks, start=1)
]


def offending_audits(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = rows_of(connection, "SELECT audit FROM ops.audits WHERE offending_rows > 0")
    return {row["audit"] for row in rows}


def replace_mart(connection: duckdb.DuckDBPyConnection, table: PublishedTable, query: str) -> None:
    """Replace the table or view in `marts` by a view of `query`, which reads the former rows from `{rows}`."""
    former = f"former_{table.name}"
    ((kind,),) = connection.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_schema = 'marts' AND table_name = $name",
        {"name": table.name},
    ).fetchall()
    relation = "VIEW" if kind == "VIEW" else "TABLE"
    connection.execute(f"ALTER {relation} marts.{table.name} RENAME TO {former}").fetchall()
    connection.execute(f"CREATE VIEW marts.{table.name} AS {query.format(rows=f'marts.{former}')}").fetchall()


def test_an_intact_warehouse_breaks_no_promise(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    audit_and_publish(connection, tmp_path, RUN_ID)
    assert offending_audits(connection) == set()


@pytest.mark.parametrize(("name", "broken"), CASES)
def test_a_broken_promise_is_found_by_its_audit_alone(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, broken: Break
) -> None:
    audit = next(audit for audit in AUDITS if audit.name == name)
    broken(connection)
    if audit.severity == "error":
        with pytest.raises(AuditError) as stopped:
            audit_and_publish(connection, tmp_path, RUN_ID)
        assert list(stopped.value.failures) == [audit.promise]
        assert audit.promise in str(stopped.value)
    else:
        audit_and_publish(connection, tmp_path, RUN_ID)
    assert offending_audits(connection) == {name}
    assert (tmp_path / "ooo.duckdb").exists() == (audit.severity == "warning")
    assert bool(list(tmp_path.glob("exports/current/*"))) == (audit.severity == "warning")


def test_every_audit_has_a_case_that_breaks_its_promise() -> None:
    assert {audit.name for audit in AUDITS} == set(BREAKS)
    assert all(BREAKS.values())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_missing_value_stops_the_publication(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, table: PublishedTable
) -> None:
    audit_marts(connection, TABLES, run_id="run-0", checked_at=night(1), expected=EXPECTED)
    required = [column for column in table.columns if not column.is_nullable][-1]
    replace_mart(
        connection, table, f"SELECT * REPLACE (NULL::{required.sql_type} AS {required.name}) FROM {{rows}}"
    )
    with pytest.raises(AuditError, match=f"{table.name} has every value that it must have"):
        audit_and_publish(connection, tmp_path, RUN_ID)
    assert f"{table.name}_required" in offending_audits(connection)
    assert not (tmp_path / "ooo.duckdb").exists()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_repeated_key_stops_the_publication(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, table: PublishedTable
) -> None:
    audit_marts(connection, TABLES, run_id="run-0", checked_at=night(1), expected=EXPECTED)
    replace_mart(connection, table, "FROM {rows} UNION ALL (FROM {rows} LIMIT 1)")
    with pytest.raises(AuditError) as stopped:
        publish(connection, tmp_path, TABLES, (), run_id=RUN_ID, published_at=night(2))
    assert f"{table.name} has one row per {table.key_list()}" in stopped.value.failures
    assert f"{table.name}_key" in offending_audits(connection)
    assert not (tmp_path / "ooo.duckdb").exists()
    assert not list((tmp_path / "exports").glob("*/*.parquet"))


def test_files_with_different_numbers_of_rows_are_an_error() -> None:
    raise_if_failed([audit_counts({"runs": 3}, {"runs": 3})])
    with pytest.raises(AuditError, match="count the same rows: 1 offender"):
        raise_if_failed([audit_counts({"runs": 3, "audits": 1}, {"runs": 2, "audits": 1})])


def test_a_run_that_is_audited_again_has_each_result_once(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for _ in range(2):
        audits = audit_marts(connection, TABLES, run_id="run-1", checked_at=night(2), expected=EXPECTED)
    audit_and_publish(connection, tmp_path, "run-2")
    recorded = rows_of(connection, "SELECT audit FROM ops.audits WHERE run_id = 'run-1' ORDER BY ALL")
    assert [row["audit"] for row in recorded] == sorted(audit.name for audit in audits)


def test_a_publication_records_its_audits_beside_those_of_the_marts(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publication = audit_and_publish(connection, tmp_path, RUN_ID)
    recorded = {row["audit"] for row in rows_of(connection, "SELECT audit FROM ops.audits")}
    assert {audit.name for audit in publication.audits} == {
        "counts_agree",
        *(f"{table.name}_key" for table in TABLES),
    }
    assert recorded == {
        *(audit.name for audit in (*AUDITS, *publication.audits)),
        *(f"{table.name}_required" for table in TABLES),
    }


def test_a_run_that_is_published_again_publishes_the_same_audits(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audits = []
    for _ in range(2):
        publication = audit_and_publish(connection, tmp_path, RUN_ID)
        audits.append(pl.read_parquet(publication.parquet_folder / "audits.parquet").rows())
    assert audits[0] == audits[1]
    assert len(audits[0]) == len(AUDITS) + len(TABLES)


def test_the_document_lists_every_audit_with_its_severity_and_promise() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (error|warning) \| (.+) \|$", DOCUMENT.read_text(), flags=re.MULTILINE)
    assert rows == [(audit.name, audit.severity, audit.promise) for audit in AUDITS]


def test_a_statement_without_severity_or_promise_is_refused_with_its_file() -> None:
    assert parse_audit("x", "-- Audit: error. Promise: p.\nSELECT 0;").promise == "p"
    for header in ("-- Purpose: p.", "-- Audit: fatal. Promise: p.", "-- Audit: error. Promise: .", ""):
        with pytest.raises(ValueError, match=r"check_x\.sql: expected .*Audit: error"):
            parse_audit("x", f"{header}\nSELECT 0;")


def test_an_audit_that_fails_leaves_the_connection_usable(connection: duckdb.DuckDBPyConnection) -> None:
    sql("UPDATE core.ooo_entries SET reason = 'undeclared'")(connection)
    with contextlib.suppress(AuditError):
        audit_marts(connection, TABLES, run_id="run-1", checked_at=night(2), expected=EXPECTED)
    assert connection.execute("SELECT 1").fetchall() == [(1,)]
