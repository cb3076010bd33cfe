"""The erasure of a person leaves no byte of the person in any file, and no later run stores the person again."""

import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calcom.simulator import Simulator, World, serve
from calcom.strategy import Strategy
from flows.privacy.erasure import Person, erase_user, find_person
from flows.run import stages
from flows.run.progress import SilentListener
from flows.run.summary import RunSummary
from flows.settings import Settings
from flows.settings.errors import ConfigurationError, UnknownPersonError
from landing.record_filter import WITHHELD
from tests.support.crash import PROCESSES
from tests.support.erasing import erase_and_die
from tests.support.naive import Absence, Reject
from tests.support.program import run_ooo
from tests.support.remains import find_remains
from tests.support.truth import assert_equals_truth
from tests.support.warehouse import load, new_warehouse, night, read_all, rows_of
from warehouse.connection import open_warehouse, transaction
from warehouse.load.erasure import erase_person

NOTE = "Zahnarzttermin-Qxv-81724"


@dataclass
class Organization:
    """A small organization, and one person of it, who has a note and covers another person."""

    world: World
    person: dict[str, Any]
    covered: int

    @property
    def traces(self) -> tuple[str, ...]:
        """Return texts that only records of the person contain."""
        return (self.person["email"], self.person["name"], NOTE)


@pytest.fixture
def organization() -> Organization:
    """Return eight people: one of them covers another."""
    world = World.generate(people=8, years=1)
    person, other = world.users()[2], world.users()[4]
    days = ("2031-03-02T00:00:00.000Z", "2031-03-05T23:59:59.999Z")
    world.add_entry(person["id"], *days, notes=NOTE)
    world.add_entry(other["id"], *days, reason="sick", to_user_id=person["id"])
    world.add_entry(other["id"], *days, reason="travel", to_user_id=world.users()[5]["id"])
    return Organization(world, person, other["id"])


def sync(settings: Settings, strategy: str = "org-wide") -> RunSummary:
    return stages.sync(settings, strategy=Strategy(strategy), listener=SilentListener())


def count_mentions(database: Path, user_id: int) -> dict[str, int]:
    """Return the number of rows in which each column of the database holds the id of the person."""
    with duckdb.connect(str(database), read_only=True) as connection:
        columns = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns()"
            " JOIN duckdb_tables() USING (database_name, schema_name, table_name)"
            " WHERE column_name LIKE '%user_id' OR column_name = 'record_id'"
        ).fetchall()
        counts = {
            f"{table}.{column}": connection.execute(
                f"SELECT count(*) FROM {table} WHERE {column} = {user_id}"
            ).fetchall()[0][0]
            for table, column in columns
        }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("strategy", ["org-wide", "per-user", "both"])
def test_an_erased_person_is_in_no_file_and_no_later_sync_stores_the_person_again(
    strategy: str, organization: Organization, settings_for: Callable[..., Settings]
) -> None:
    person, simulator = organization.person, Simulator(organization.world, limits=None)
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_NOTES="publish")
        sync(settings, strategy)
        organization.world.update_entry(organization.world.entries(person["id"])[0]["id"], reason="sick")
        before = sync(settings, strategy)
        assert (settings.data_dir / "reports").is_dir()
        (settings.data_dir / "reports" / "older.html").write_text(person["email"])
        remains = find_remains(settings.data_dir, *organization.traces)
        for text in organization.traces:
            assert f"warehouse.duckdb: bytes of {text}" in remains
            for folder in ("landing/", "exports/generations/", "exports/current/"):
                assert any(line.startswith(folder) and text in line for line in remains)

        erasure = erase_user(settings, person["id"])

        assert erasure.removed["core.people"] == 1
        assert find_remains(settings.data_dir, *organization.traces) == []
        assert not (settings.data_dir / "warehouse.duckdb.wal").exists()
        kept = {"ops.erased_people.user_id": 1}
        assert count_mentions(before.warehouse, person["id"]) == kept
        assert count_mentions(before.database, person["id"]) == {}

        simulator.clear_requests()
        after = sync(settings, strategy)
        requested = [request.path for request in simulator.requests]
    assert after.exit_code == 0
    assert (after.rows["inserted"], after.rows["updated"], after.rows["deleted"]) == (0, 0, 0)
    assert find_remains(settings.data_dir, *organization.traces) == []
    assert count_mentions(after.warehouse, person["id"]) == kept
    assert f"/v2/organizations/1/users/{person['id']}/ooo" not in requested
    entries = [
        entry | {"toUserId": None} if entry.get("toUserId") == person["id"] else entry
        for entry in organization.world.entries()
        if entry["userId"] != person["id"]
    ]
    people = [user for user in organization.world.users() if user["id"] != person["id"]]
    assert_equals_truth(after.database, entries, people)


def test_the_days_that_an_erased_person_covered_have_the_next_cover(
    organization: Organization, settings_for: Callable[..., Settings]
) -> None:
    with serve(Simulator(organization.world, limits=None)) as server:
        settings = settings_for(server.url)
        summary = sync(settings)
    query = (
        "SELECT DISTINCT covering_user_id FROM fct_absence_days"
        " WHERE user_id = $id AND date_on BETWEEN '2031-03-02' AND '2031-03-05'"
    )
    covers = []
    for _ in range(2):
        with duckdb.connect(str(summary.database), read_only=True) as connection:
            covers += connection.execute(query, {"id": organization.covered}).fetchall()
        erase_user(settings, organization.person["id"])
    assert covers == [(organization.person["id"],), (organization.world.users()[5]["id"],)]


def test_an_erasure_that_was_killed_after_its_record_is_completed_by_the_next_sync(
    organization: Organization, settings_for: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with serve(Simulator(organization.world, limits=None)) as server:
        settings = settings_for(server.url)
        sync(settings)
        with monkeypatch.context() as patch:
            patch.setattr("flows.privacy.erasure.complete_purges", kill)
            with pytest.raises(KeyboardInterrupt):
                erase_user(settings, organization.person["id"])
        assert find_remains(settings.data_dir, *organization.traces)
        completing = sync(settings)
    assert find_remains(settings.data_dir, *organization.traces) == []
    generations = settings.data_dir / "exports" / "generations"
    assert [path.name for path in generations.iterdir()] == [completing.generation]


def test_an_unknown_person_is_named_in_the_error_and_nothing_changes(
    organization: Organization, settings_for: Callable[..., Settings]
) -> None:
    with serve(Simulator(organization.world, limits=None)) as server:
        settings = settings_for(server.url)
        with pytest.raises(ConfigurationError, match="no warehouse"):
            erase_user(settings, 1)
        sync(settings)
    content = (settings.data_dir / "ooo.duckdb").read_bytes()
    with pytest.raises(UnknownPersonError, match="no user 987654321 in any organization"):
        erase_user(settings, 987654321)
    with pytest.raises(UnknownPersonError, match="in organization 5"):
        erase_user(settings, organization.person["id"], organization_id=5)
    assert (settings.data_dir / "ooo.duckdb").read_bytes() == content


@pytest.mark.parametrize(
    "raw",
    [
        '{"id": "x", "userId": 2, "start": 5}',
        '{"id": 7, "userId": "2"}',
        '{"id": 7, "toUserId": 2, "userId": 1}',
        '{"email": "Person-2@example.com"}',
        '{"name": "Zo\\u00eb Two"}',
        '{"id": 7, "userId": 2.0}',
        '{"id": 7, "userId": " 2 "}',
        '{"id": 7, "userId": "2e0"}',
        '{"id": 7, "userId": [2], "start": 5}',
        '{"id": 7, "userId": {"id": "2"}}',
        '{"id": 7, "userId": 1, "toUser": {"id": 2, "username": "two"}}',
        '{"id": 7, "userId": 1, "reason": {"deep": [{"toUser": {"id": "2"}}]}}',
    ],
)
def test_no_stored_record_or_error_quotes_an_erased_person(raw: str) -> None:
    with new_warehouse() as connection:
        load(connection, read_all(at=night(1)))
        connection.execute("UPDATE core.people SET name = 'Zoë Two' WHERE user_id = 2").fetchall()
        others = '{"id": 7, "userId": 22, "name": "Person 22", "email": "a@example.com"}'
        for text in (raw, others):
            connection.execute(
                "INSERT INTO ops.quarantine BY NAME SELECT 'run' AS run_id, 7 AS organization_id,"
                " 'entry' AS record_kind, 'id_invalid' AS problem, $raw AS raw, now() AS seen_at",
                {"raw": text},
            ).fetchall()
        connection.execute(
            "UPDATE ops.scopes SET problem = 'GET /v2/organizations/7/users/2/ooo: 500'"
        ).fetchall()
        connection.execute("UPDATE ops.runs SET error = 'person-2@example.com is refused'").fetchall()
        with transaction(connection):
            erase_person(connection, 7, 2, at=night(2))
        assert rows_of(connection, "SELECT raw FROM ops.quarantine") == [{"raw": others}]
        for table, column in (("scopes", "problem"), ("runs", "error")):
            (row,) = rows_of(connection, f"SELECT DISTINCT {column} AS text FROM ops.{table}")
            assert row["text"].startswith("removed: ")
            assert not any(trace in row["text"] for trace in ("/2/", "person-2"))


@pytest.mark.parametrize(
    "raw", ['{"id": 7, "userId": null, "start": "ill"}', '{"id": 7, "userId": "?"}', '"ill"']
)
def test_a_stored_record_whose_owner_cannot_be_read_keeps_its_reason_code_alone(raw: str) -> None:
    with new_warehouse() as connection:
        load(connection, read_all(at=night(1)))
        for scope_user_id in (None, 1):
            connection.execute(
                "INSERT INTO ops.quarantine BY NAME SELECT 'run' AS run_id, 7 AS organization_id, $owner AS user_id,"
                " 'entry' AS record_kind, 'start_invalid' AS problem, $raw AS raw, now() AS seen_at",
                {"raw": raw, "owner": scope_user_id},
            ).fetchall()
        with transaction(connection):
            erase_person(connection, 7, 2, at=night(2))
        rows = rows_of(connection, "SELECT problem, raw FROM ops.quarantine ORDER BY user_id NULLS FIRST")
    assert rows == [
        {"problem": "start_invalid", "raw": WITHHELD},
        {"problem": "start_invalid", "raw": raw},  # it is from the list of user 1
    ]


def test_an_email_address_finds_the_person_in_any_case_and_names_the_ids_if_it_is_ambiguous(
    organization: Organization, settings_for: Callable[..., Settings]
) -> None:
    person = organization.person
    with serve(Simulator(organization.world, limits=None)) as server:
        settings = settings_for(server.url)
        sync(settings)
    person_found = find_person(settings, person["email"].upper())
    assert (person_found.user_id, person_found.name, person_found.email) == (
        person["id"],
        person["name"],
        person["email"],
    )
    assert person_found.entries == len(organization.world.entries(person["id"]))
    assert all(
        text in person_found.as_text()
        for text in (person["name"], person["email"], f"{person_found.entries} entries")
    )
    with pytest.raises(UnknownPersonError, match="no person with this e-mail address") as unknown:
        find_person(settings, "unknown@example.com")
    assert "unknown@" not in str(unknown.value)
    with open_warehouse(settings.data_dir / "warehouse.duckdb") as connection:
        connection.execute(
            "INSERT INTO core.people SELECT * REPLACE (2 AS organization_id) FROM core.people"
            f" WHERE user_id = {person['id']}"
        ).fetchall()
    with pytest.raises(
        UnknownPersonError, match=f"user {person['id']} of organization 1, .* 2; .*--organization-id"
    ):
        erase_user(settings, person["email"])
    erased = erase_user(settings, person["email"], 1)
    assert (erased.organization_id, erased.user_id) == (1, person["id"])


def test_a_name_from_cal_com_reaches_the_question_without_control_characters() -> None:
    assert Person(1, 2, "A\x1b[2Jda\u202e", "ada@example.com", 1_000).as_text() == (
        r"user 2 of organization 1, A\x1b[2Jda\u202e <ada@example.com>, 1,000 entries"
    )


def test_a_landing_from_another_machine_does_not_store_an_erased_person_again() -> None:
    absences = (
        Absence(1, 2, date(2026, 1, 5), date(2026, 1, 6)),
        Absence(2, 1, date(2026, 1, 5), date(2026, 1, 6), cover=2),
    )
    with new_warehouse() as connection:
        load(connection, read_all(absences, at=night(1)))
        with transaction(connection):
            erase_person(connection, 7, 2, at=night(2))
        load(connection, read_all(absences, at=night(3), rejects=(Reject("user", 2, 2),)))
        user_ids = [row["user_id"] for row in rows_of(connection, "FROM core.people ORDER BY user_id")]
        entries = rows_of(connection, "SELECT entry_id, covering_user_id FROM core.ooo_entries")
    assert user_ids == [1, 3]
    assert entries == [{"entry_id": 2, "covering_user_id": None}]


@pytest.mark.slow
def test_an_erasure_that_was_killed_at_any_rename_or_removal_is_completed_by_a_second_one(
    organization: Organization, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    with serve(Simulator(organization.world, limits=None)) as server:
        settings = settings_for(server.url)
        sync(settings)
        before = sync(settings)
    user_id, kills, step = organization.person["id"], 0, 1
    with duckdb.connect(str(before.database), read_only=True) as connection:
        (live,) = connection.execute(
            f"SELECT count(*) FROM fct_ooo_entries WHERE user_id <> {user_id}"
        ).fetchall()
    shutil.copytree(settings.data_dir, tmp_path / "prepared")
    while True:
        shutil.rmtree(settings.data_dir)
        shutil.copytree(tmp_path / "prepared", settings.data_dir)
        process = PROCESSES.Process(target=erase_and_die, args=(str(settings.data_dir), user_id, step))
        process.start()
        process.join(60)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        kills, step = kills + 1, step * 2
        erase_user(settings, user_id)
        assert find_remains(settings.data_dir, *organization.traces) == [], step
        with duckdb.connect(str(before.database), read_only=True) as connection:
            assert connection.execute("SELECT count(*) FROM fct_ooo_entries").fetchall() == [live]
    assert kills > 3


@pytest.mark.slow
def test_the_command_requires_consent_and_reports_the_removed_rows(
    organization: Organization, tmp_path: Path
) -> None:
    with serve(Simulator(organization.world, limits=None)) as server:
        environment = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": "cal_simulator_owner"}
        assert run_ooo("sync", "--quiet", cwd=tmp_path, **environment).returncode == 0
    user_id = str(organization.person["id"])
    refused = run_ooo("erase-user", user_id, cwd=tmp_path, stdin="y\n")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert find_remains(tmp_path / "data", *organization.traces)
    unknown = run_ooo("erase-user", "987654321", "--yes", cwd=tmp_path)
    assert (unknown.returncode, "987654321" in unknown.stderr) == (2, True)
    odd = run_ooo("erase-user", "-5x", "--yes", cwd=tmp_path)
    assert (odd.returncode, odd.stdout) == (2, "")
    done = run_ooo("erase-user", organization.person["email"], "--yes", cwd=tmp_path)
    assert (done.returncode, "ERASED" in done.stdout) == (0, True), done.stderr
    assert find_remains(tmp_path / "data", *organization.traces) == []
    again = run_ooo("erase-user", user_id, "--yes", cwd=tmp_path)
    assert (again.returncode, "erased before" in again.stdout) == (0, True), again.stderr
