"""The facts of the report page and of `ooo status`, as they are read from the published database."""

import json
from datetime import date
from pathlib import Path

import duckdb

from tests.support.readings import Absence
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all, rows_of
from transforms.runs import RunRecord
from warehouse.load.runs import insert_run
from warehouse.read.report import AwayFacts, read_away_facts, read_measure_facts

SICK = Absence(1, 1, date(2026, 1, 1), date(2026, 1, 2), reason="sick")


def read_facts(published: duckdb.DuckDBPyConnection) -> AwayFacts:
    """Return the facts of the pages, which exist."""
    facts = read_away_facts(published)
    assert facts is not None
    return facts


def test_the_available_days_of_the_page_are_those_of_the_lost_time_rate_with_leavers(tmp_path: Path) -> None:
    # Person 3 is gone on 6 January, which is the last day that counts.
    with new_warehouse() as connection:
        load(connection, read_all((SICK,), at=night(1), users=(1, 2, 3)))
        load(connection, read_all((SICK,), at=night(6), users=(1, 2)))
        load(connection, read_all((SICK,), at=night(8), users=(1, 2)))
        database = audit_and_publish(connection, tmp_path).database
    with duckdb.connect(database, read_only=True) as published:
        facts = read_measure_facts(published, read_facts(published))
        by_day = dict(facts.available_days.select("date_on", "available_working_days").iter_rows())
        query = "SELECT available_working_days FROM lost_time_rate($first_on, $last_on)"
        (rate,) = rows_of(published, query, first_on=min(by_day), last_on=facts.last_on)
    january = {day.day: people for day, people in by_day.items() if (day.year, day.month) == (2026, 1)}
    assert january == {1: 3, 2: 3, 5: 3, 6: 3, 7: 2, 8: 2}
    assert sum(by_day.values()) == rate["available_working_days"]


def test_a_failed_run_is_not_the_instant_as_of_which_the_tables_are_known(tmp_path: Path) -> None:
    failed = RunRecord("later", 7, night(9), night(9), "org-wide", "failed", error="no network")
    other = RunRecord("other", 8, night(9), night(9), "org-wide", "failed", error="no network")
    with new_warehouse() as connection:
        load(connection, read_all((SICK,), at=night(2)))
        for record in (failed, other):
            insert_run(connection, record.as_row())
        publication = audit_and_publish(connection, tmp_path)
    with duckdb.connect(publication.database, read_only=True) as published:
        facts = read_facts(published)
        assert facts.as_of == night(2)
        organizations = rows_of(published, "FROM dim_organizations ORDER BY organization_id")
    assert [row["last_snapshot_at"] for row in organizations] == [night(2), None]
    assert [row["is_stale"] for row in organizations] == [True, True]
    current = json.loads((tmp_path / "exports" / "current.json").read_text(encoding="utf-8"))
    manifest = json.loads((tmp_path / "exports" / current["manifest"]).read_text(encoding="utf-8"))
    assert {organization: text[:19] for organization, text in manifest["data_as_of"].items()} == {
        "7": night(2).isoformat()
    }
