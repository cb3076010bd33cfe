"""Audits: each catches what it is there for, errors stop the publication, warnings are published."""

from datetime import date
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from flows.run.tables import EXPECTED
from tests.support.naive import Absence
from tests.support.warehouse import TABLES, audit_and_publish, load, new_warehouse, night, read_all, rows_of
from warehouse.errors import AuditError
from warehouse.load.audit import AUDITS, audit_counts, audit_marts, raise_if_failed
from warehouse.publish.publication import publish

ABSENCE = Absence(1, 1, date(2026, 3, 2), date(2026, 3, 6))
ANOTHER = Absence(2, 2, date(2026, 3, 2), date(2026, 3, 6))

DAMAGE = {
    "entries_have_people": "DELETE FROM core.people WHERE user_id = 1",
    "entries_have_reasons": "UPDATE core.ooo_entries SET reason = 'made up'",
    "entries_have_their_days": "DELETE FROM marts.fct_entry_days WHERE date_on = '2026-03-04'",
    "entry_days_have_dates": "DELETE FROM marts.dim_dates WHERE date_on = '2026-03-04'",
    "absence_days_have_people": "UPDATE marts.person_days SET user_id = 99",
    "absence_days_have_dates": "UPDATE marts.person_days SET date_on = date_on - INTERVAL 90 YEAR",
    "absence_days_have_reasons": "UPDATE marts.person_days SET reason = 'made up'",
    "days_are_counted_alike": "DELETE FROM marts.person_days WHERE date_on = '2026-03-04'",
    "rows_are_conserved": "UPDATE ops.runs SET rows_in = rows_in + 1",
    "history_has_one_open_version": "UPDATE core.ooo_entry_history SET valid_to = '2026-01-09'",
    "history_is_unbroken": "UPDATE core.ooo_entry_history SET valid_to = '2026-01-09'",
    "history_changes_are_known": "UPDATE core.ooo_entry_history SET change = 'made up'",
    "runs_are_known": "UPDATE ops.runs SET outcome = 'made up'",
    "scopes_are_known": "UPDATE ops.scopes SET verdict = 'made up'",
    "dates_are_sound": "UPDATE marts.dim_dates SET weekday = 8 WHERE date_on = '2026-03-04'",
    "day_counts_are_sound": "UPDATE core.ooo_entries SET calendar_days = 6",
    "members_have_teams": "INSERT INTO core.team_members"
    " VALUES (7, 9, 1, 1, 'MEMBER', true, '2026-01-01', '2026-01-01', NULL)",
    "people_have_calendars": "UPDATE marts.person_calendars SET calendar = 'made up'",
    "calendars_have_every_date": "DELETE FROM marts.dim_calendar_days WHERE date_on = '2026-03-04'",
}
"""What each audit of severity error has to catch."""

REPEATED_KEYS = {
    "fct_ooo_entries": "INSERT INTO core.ooo_entries FROM core.ooo_entries",
    "dim_people": "INSERT INTO core.people FROM core.people LIMIT 1",
    "dim_dates": "INSERT INTO marts.dim_dates FROM marts.dim_dates LIMIT 1",
    "fct_entry_days": "INSERT INTO marts.fct_entry_days FROM marts.fct_entry_days LIMIT 1",
    "fct_absence_days": "INSERT INTO marts.person_days FROM marts.person_days LIMIT 1",
    "ooo_entry_history": "INSERT INTO core.ooo_entry_history FROM core.ooo_entry_history",
    "dim_reasons": "INSERT INTO marts.dim_reasons FROM marts.dim_reasons LIMIT 1",
    "runs": "INSERT INTO ops.runs FROM ops.runs",
}
"""What the audit of each table's key has to catch, whatever the others did."""

OTHER_DAMAGE = [
    ("entries_have_their_days", "UPDATE marts.fct_entry_days SET entry_id = 9"),
    ("entries_have_their_days", "UPDATE marts.fct_entry_days SET user_id = 2 WHERE date_on = '2026-03-04'"),
    (
        "entries_have_their_days",
        "UPDATE marts.fct_entry_days SET date_on = '2026-03-09' WHERE date_on = '2026-03-04'",
    ),
    ("entries_have_their_days", "DELETE FROM marts.fct_entry_days"),
    ("entries_have_their_days", "UPDATE core.ooo_entries SET deleted_at = '2026-01-09'"),
    ("history_has_one_open_version", "UPDATE core.ooo_entries SET deleted_at = '2026-01-09'"),
    ("history_has_one_open_version", "DELETE FROM core.ooo_entry_history"),
    ("history_has_one_open_version", "INSERT INTO core.ooo_entry_history FROM core.ooo_entry_history"),
    ("history_has_one_open_version", "DELETE FROM core.ooo_entries"),
    ("runs_are_known", "UPDATE ops.runs SET strategy = 'made up'"),
]


def publish_damaged(connection: duckdb.DuckDBPyConnection, damage: str, data_dir: Path) -> AuditError:
    load(connection, read_all((ABSENCE,), at=night(1)))
    connection.execute(damage).fetchall()
    with pytest.raises(AuditError) as stopped:
        audit_and_publish(connection, data_dir)
    assert not (data_dir / "ooo.duckdb").exists()
    assert not list(data_dir.glob("exports/current/*"))
    return stopped.value


@pytest.mark.parametrize(("audit", "damage"), [*DAMAGE.items(), *OTHER_DAMAGE])
def test_damage_is_found_counted_and_named(audit: str, damage: str, tmp_path: Path) -> None:
    with new_warehouse() as connection:
        error = publish_damaged(connection, damage, tmp_path)
    (found,) = [one for one in error.audits if one.name == audit]
    assert found.is_failed
    assert found.promise in str(error)


@pytest.mark.parametrize(("table", "damage"), REPEATED_KEYS.items())
def test_a_key_that_is_there_twice_stops_the_publication(table: str, damage: str, tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((ABSENCE, ANOTHER), at=night(1)))
        connection.execute(damage).fetchall()
        with pytest.raises(AuditError) as stopped:
            publish(connection, tmp_path, TABLES, (), run_id="run-1", published_at=night(1))
    (failed,) = [one for one in stopped.value.audits if one.is_failed and one.name == f"{table}_key"]
    assert failed.offending_rows > 0
    assert not (tmp_path / "ooo.duckdb").exists()
    assert not list((tmp_path / "exports").glob("*/*.parquet"))


def test_every_audit_that_stops_a_publication_is_seen_to_do_so() -> None:
    assert {one.name for one in AUDITS if one.severity == "error"} <= set(DAMAGE)


def test_every_statement_is_an_audit_and_every_audit_has_its_statement() -> None:
    folder = files("warehouse").joinpath("load/audits")
    assert sorted(f"{one.name}.sql" for one in AUDITS) == sorted(one.name for one in folder.iterdir())


@pytest.mark.parametrize(
    ("audit", "absence"),
    [
        ("entries_end_after_they_start", Absence(2, 1, date(2026, 3, 6), date(2026, 3, 2))),
        ("entries_are_not_endless", Absence(2, 1, date(2026, 3, 2), date(2030, 3, 2))),
        ("entries_lie_within_the_horizon", Absence(2, 1, date(1926, 3, 2), date(1926, 3, 2))),
        ("entries_lie_within_the_horizon", Absence(2, 1, date(2099, 12, 31), date(2100, 1, 1))),
    ],
)
def test_an_absurd_span_is_a_warning_and_is_published(audit: str, absence: Absence, tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((ABSENCE, absence), at=night(1)))
        publication = audit_and_publish(connection, tmp_path)
        query = "SELECT audit, severity, offending_rows FROM ops.audits WHERE offending_rows > 0"
        assert rows_of(connection, query) == [{"audit": audit, "severity": "warning", "offending_rows": 1}]
    assert publication.rows["fct_ooo_entries"] == 2


def test_an_organization_that_is_no_longer_read_is_a_warning(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((ABSENCE,), at=night(1), organization_id=8))
        reading = read_all((ABSENCE,), at=night(3))
        load(connection, reading)
        audit_and_publish(connection, tmp_path, reading.run_id)
        query = "SELECT offending_rows FROM ops.audits WHERE audit = 'organizations_are_fresh'"
        assert rows_of(connection, query) == [{"offending_rows": 1}]


def test_what_could_not_be_confirmed_is_a_warning(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((ABSENCE,), at=night(1)))
        load(connection, read_all((), at=night(2), verdicts={("users", None): "complete"}))
        audit_and_publish(connection, tmp_path)
        query = "SELECT offending_rows FROM ops.audits WHERE audit = 'everything_is_confirmed'"
        assert rows_of(connection, query) == [{"offending_rows": 4}]  # three people, one entry


def test_a_run_that_is_audited_again_has_each_result_once(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((ABSENCE,), at=night(1)))
        for _ in range(2):
            audits = audit_marts(connection, TABLES, run_id="run-1", checked_at=night(2), expected=EXPECTED)
        audit_and_publish(connection, tmp_path, "run-2")
        recorded = rows_of(
            connection, "FROM ops.audits SELECT audit, severity, promise WHERE run_id = 'run-1' ORDER BY ALL"
        )
    assert recorded == sorted(
        ({"audit": one.name, "severity": one.severity, "promise": one.promise} for one in audits),
        key=lambda row: tuple(row.values()),
    )


def test_the_failures_are_recorded_too(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        publish_damaged(connection, DAMAGE["rows_are_conserved"], tmp_path)
        query = "SELECT audit, offending_rows FROM ops.audits WHERE offending_rows > 0"
        assert rows_of(connection, query) == [{"audit": "rows_are_conserved", "offending_rows": 1}]


def test_files_that_differ_in_their_rows_are_no_publication() -> None:
    raise_if_failed([audit_counts({"runs": 3}, {"runs": 3})])
    with pytest.raises(AuditError, match="count the same rows: 1 offender"):
        raise_if_failed([audit_counts({"runs": 3, "audits": 1}, {"runs": 2, "audits": 1})])
