"""Test the effects of a changed file of work calendars on a warehouse."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from calcom.simulator import Simulator, World, serve
from calcom.strategy import Strategy
from flows.run import stages as pipeline
from flows.run.progress import SilentListener
from flows.settings import Settings
from flows.settings.calendars import read_policy
from tests.support.program import run_ooo
from tests.support.readings import Absence, Calendar, Policy
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all, rows_of
from warehouse.connection import transaction
from warehouse.load.migrate import _LEDGER, shipped_migrations

DOCUMENT = Path(__file__).parents[2] / "docs" / "calendars.md"
# Each person is absent from Monday to Sunday.
WEEK = tuple(Absence(user_id, user_id, date(2026, 3, 2), date(2026, 3, 8)) for user_id in (1, 2, 3))
CALENDARS = {"office": Calendar(), "the same": Calendar(), "weekend": Calendar(frozenset({6, 7}))}
SPOILED = "UPDATE marts.person_days SET entry_count = 99"
WORKING = """
SELECT user_id, count(*) FILTER (is_working_day) AS days, max(entry_count) AS entries
FROM marts.person_days GROUP BY user_id ORDER BY user_id
"""


def policy(default: str = "office", **people: str) -> Policy:
    by_id: dict[str | int, str] = {int(key.removeprefix("p")): name for key, name in people.items()}
    return Policy(CALENDARS, default, by_id)


def working(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows_of(connection, WORKING)]


@pytest.mark.parametrize(
    ("after", "days"),
    [
        (policy(), [(1, 5, 99), (2, 5, 99), (3, 5, 99)]),
        (policy(p2="weekend"), [(1, 5, 99), (2, 2, 1), (3, 5, 99)]),
        (policy(p2="the same"), [(1, 5, 99), (2, 5, 99), (3, 5, 99)]),
        (policy(default="the same", p1="weekend"), [(1, 2, 1), (2, 5, 99), (3, 5, 99)]),
        (policy(default="weekend", p1="office"), [(1, 5, 99), (2, 2, 1), (3, 2, 1)]),
    ],
)
def test_only_the_days_of_people_with_changed_working_days_are_derived_again(
    after: Policy, days: list[tuple[int, int, int]]
) -> None:
    with new_warehouse() as connection:
        load(connection, read_all(WEEK, at=night(1), policy=policy()))
        connection.execute(SPOILED).fetchall()  # a derived row replaces the value
        changes = load(connection, read_all(WEEK, at=night(2), policy=after))
        assert working(connection) == days
        assert (changes.updated, changes.unchanged) == (0, 3)
        assert len(rows_of(connection, "FROM core.ooo_entry_history")) == 3


def test_a_new_policy_changes_the_working_days_of_entries_and_history_and_a_replay_changes_nothing() -> None:
    query = "SELECT entry_id, calendar_days, working_days FROM marts.{} ORDER BY entry_id"
    with new_warehouse() as connection:
        load(connection, read_all(WEEK, at=night(1), policy=policy()))
        load(connection, read_all(WEEK[:2], at=night(2), policy=policy(p1="weekend", p3="weekend")))
        states = []
        for number in (3, 4):
            again = read_all(WEEK[:2], at=night(number), policy=policy(p1="weekend", p3="weekend"))
            load(connection, again)
            entries = [tuple(row.values()) for row in rows_of(connection, query.format("fct_ooo_entries"))]
            versions = [tuple(row.values()) for row in rows_of(connection, query.format("ooo_entry_history"))]
            days = rows_of(connection, "FROM marts.dim_calendar_days ORDER BY ALL")
            states.append((entries, versions, working(connection), days))
    assert states[0] == states[1]
    assert states[0][0] == [(1, 7, 2), (2, 7, 5), (3, 7, 0)]
    assert states[0][1] == [(1, 7, 2), (2, 7, 5), (3, 7, 2), (3, 7, 2)]


def test_a_policy_applies_to_the_whole_warehouse_and_to_organizations_that_were_not_read() -> None:
    with new_warehouse() as connection:
        load(connection, read_all(WEEK, at=night(1), organization_id=7, policy=policy()))
        load(connection, read_all((), at=night(2), organization_id=8, policy=policy(p3="weekend")))
        assert working(connection) == [(1, 5, 1), (2, 5, 1), (3, 2, 1)]


def test_a_warehouse_of_an_older_version_keeps_its_entries_and_gets_calendars(tmp_path: Path) -> None:
    first, last = date(2026, 3, 2), date(9999, 12, 31)
    with duckdb.connect(tmp_path / "w.duckdb") as connection, transaction(connection):
        connection.execute(_LEDGER).fetchall()
        for version, name, text in shipped_migrations()[:2]:
            connection.execute(text).fetchall()
            checksum = hashlib.sha256(text.encode()).hexdigest()
            insertion = "INSERT INTO ops.migrations (version, name, checksum) VALUES (?, ?, ?)"
            connection.execute(insertion, [version, name, checksum]).fetchall()
        for table, columns in (
            ("ooo_entries", "NULL, TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-01', NULL"),
            ("ooo_entry_history", None),
        ):
            facts = f"'u-1', 1, NULL, DATE '{first}', DATE '{last}', 2912383, 2080274, 'sick', 'sick', false"
            details = f"{facts}, TIMESTAMP '2026-03-02', TIMESTAMP '2026-03-02', true"
            version = "" if columns else "TIMESTAMP '2026-01-01', NULL, 'appeared', "
            values = f"7, 1, {version}{details}" + (f", {columns}" if columns else "")
            connection.execute(f"INSERT INTO core.{table} VALUES ({values})").fetchall()
    with new_warehouse(tmp_path / "w.duckdb") as connection:
        for table in ("ooo_entries", "ooo_entry_history"):
            rows = rows_of(connection, f"SELECT materialized_days FROM core.{table}")
            assert rows == [{"materialized_days": 3_653}]
        absence = Absence(1, 1, first, last, reason="sick")
        changes = load(connection, read_all((absence,), at=night(3), users=(1,)))
        assert changes.rows_in == 1
        assert len(rows_of(connection, "FROM marts.person_days")) == 3_653
        (entry,) = rows_of(connection, "SELECT working_days FROM marts.fct_ooo_entries")
        assert entry == {"working_days": 2_610}
        audit_and_publish(connection, tmp_path)


def test_the_documented_file_is_valid_and_the_documented_queries_run(tmp_path: Path) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    path = tmp_path / "calendars.toml"
    path.write_text(text.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    documented = read_policy(path)
    assert [calendar.name for calendar in documented.calendars] == [
        "berlin",
        "munich",
        "dubai",
        "part-time",
        "monday-to-friday",
    ]
    assert documented.default == "berlin"
    people = {"ana@example.com": "munich", 4711: "part-time", "bob@example.com": "monday-to-friday"}
    assert documented.people == people
    assert documented.group_members == {"carla@example.com": "dubai", 4712: "dubai"}
    (munich,) = [calendar for calendar in documented.calendars if calendar.name == "munich"]
    assert munich.holidays[date(2025, 8, 15)] == "Assumption Day"
    bavaria = Calendar(country="DE", subdivision="BY", categories=munich.categories)
    policy = Policy({"munich": bavaria}, "munich")
    with new_warehouse() as connection:
        endless = Absence(1, 1, date(2026, 3, 2), date(9999, 12, 31))
        load(connection, read_all((endless,), at=night(1), policy=policy))
        database = audit_and_publish(connection, tmp_path).database
    first, second = (part.partition("```")[0] for part in text.split("```sql\n")[1:])
    with duckdb.connect(database, read_only=True) as published:
        # April 2026 has 22 weekdays; Good Friday and Easter Monday are off.
        assert published.execute(first).fetchall() == [(20,)]
        assert published.execute(second).fetchall()[0][4:] == (2_912_383, 3_653)


def test_a_holiday_of_a_named_category_makes_the_next_friday_a_bridge_day(tmp_path: Path) -> None:
    # 15 August 2024, Assumption Day, is a Thursday.
    bridges = {}
    for categories in ((), ("catholic",)):
        bavaria = Calendar(country="DE", subdivision="BY", categories=categories)
        absent = Absence(1, 1, date(2024, 8, 16), date(2024, 8, 16))
        with new_warehouse() as connection:
            load(
                connection,
                read_all((absent,), at=night(1), users=(1,), policy=Policy({"munich": bavaria}, "munich")),
            )
            database = audit_and_publish(connection, tmp_path / f"{len(categories)}").database
        with duckdb.connect(database, read_only=True) as published:
            query = "SELECT date_on, people_absent, people FROM bridge_days('2024-08-01', '2024-08-31')"
            bridges[categories] = published.execute(query).fetchall()
            categories_published = published.execute(
                "SELECT holiday_categories FROM dim_calendars"
            ).fetchall()
            assert categories_published == [(" ".join(("public", *categories)),)]
    assert bridges == {(): [], ("catholic",): [(date(2024, 8, 16), 1, 1)]}


def test_a_sync_applies_a_changed_file_without_a_new_version_of_any_entry(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    world = World.generate(people=12, years=1)
    person = world.users()[0]
    path = tmp_path / "calendars.toml"
    counted = []
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url, OOO_CALENDARS=path)
        for assignment in ("", f'[people]\n"{person["email"].upper()}" = "never"\n'):
            path.write_text(
                f'[calendars.never]\nwork_week = ["sun"]\ncountry = "DE"\n{assignment}', encoding="utf-8"
            )
            summary = pipeline.sync(settings, strategy=Strategy.AUTO, listener=SilentListener())
            counted.append((summary.rows["updated"], *_working_share(summary.database, person["id"])))
    assert summary.rows["unchanged"] == len(world.entries())
    (_, before, others_before, versions_before), (updated, after, others_after, versions_after) = counted
    assert (updated, versions_after, others_after) == (0, versions_before, others_before)
    assert before != after == 0
    published = {
        name: pl.read_parquet(summary.parquet_folder / f"{name}.parquet") for name in ("dim_people",)
    }
    assert published["dim_people"].filter(user_id=person["id"])["calendar"].to_list() == ["never"]


def _working_share(database: Path, user_id: int) -> tuple[int, int, int]:
    """Count working days without Sundays of the person, working days of others, and versions in the history."""
    with duckdb.connect(database, read_only=True) as published:
        query = """
            SELECT count(*) FILTER (user_id = $id AND isodow(date_on) < 7), count(*) FILTER (user_id <> $id),
                   (SELECT count(*) FROM ooo_entry_history)
            FROM fct_absence_days WHERE is_working_day
        """
        ((own, others, versions),) = published.execute(query, {"id": user_id}).fetchall()
    return own, others, versions


def test_an_invalid_file_ends_the_run_with_exit_code_10_before_any_request(tmp_path: Path) -> None:
    path = tmp_path / "calendars.toml"
    path.write_text('default = "munich"', encoding="utf-8")
    unreachable = {"CALCOM_API_URL": "http://127.0.0.1:9", "CALCOM_API_KEY": "cal_x"}
    run = run_ooo("sync", "--quiet", cwd=tmp_path, OOO_CALENDARS=str(path), **unreachable)
    assert run.returncode == 10
    assert "default: expected a calendar (monday-to-friday), found 'munich'" in run.stderr
