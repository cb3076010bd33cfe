"""The rows of runs, and the size of an organization after its latest snapshot."""

from dataclasses import replace
from datetime import date

from tests.support.naive import Absence
from tests.support.warehouse import load, new_warehouse, night, read_all, rows_of
from transforms.runs import RunRecord
from warehouse.connection import transaction
from warehouse.load.erasure import erase_person
from warehouse.load.runs import (
    OrganizationSize,
    PreviousRun,
    find_run,
    insert_run,
    read_latest_snapshots,
    read_previous_run,
)

FAILED = RunRecord("r", 7, night(1), night(1), "org-wide", "failed", error="no network")


def test_a_failed_run_is_not_a_snapshot_and_its_row_is_replaced_when_it_is_resumed() -> None:
    with new_warehouse() as connection:
        insert_run(connection, FAILED.as_row())
        assert find_run(connection, "r") is None
        assert read_previous_run(connection, 7) == PreviousRun()
        resumed = replace(FAILED, outcome="partial", error=None, rows_in=3, waited_seconds=1.5)
        insert_run(connection, resumed.as_row())
        assert find_run(connection, "r") == resumed.as_row()
        assert len(rows_of(connection, "FROM ops.runs")) == 1
        assert read_previous_run(connection, 7).snapshot_at == night(1)
        assert read_previous_run(connection, 8) == PreviousRun()
        assert read_latest_snapshots(connection) == {7: night(1)}


def test_the_size_of_an_organization_counts_present_people_and_live_entries() -> None:
    absence = Absence(1, 1, date(2026, 3, 2), date(2026, 3, 2))
    with new_warehouse() as connection:
        load(connection, read_all((absence, replace(absence, entry_id=2, user_id=2)), at=night(1)))
        load(connection, read_all((replace(absence, entry_id=2, user_id=2),), at=night(2), users=(2, 3)))
        assert read_previous_run(connection, 7).size == OrganizationSize(2, 1, observed_at=night(2))


def test_the_previous_run_has_the_erased_people_and_the_host_of_its_own_organization() -> None:
    absence = Absence(1, 1, date(2026, 3, 2), date(2026, 3, 2))
    with new_warehouse() as connection:
        load(connection, read_all((absence,), at=night(1)))
        connection.execute("UPDATE core.organizations SET api_url = 'https://api.cal.eu'").fetchall()
        with transaction(connection):
            erase_person(connection, 7, 1, at=night(2))
        previous = read_previous_run(connection, 7)
        assert (previous.erased, previous.api_url) == ({1}, "https://api.cal.eu")
        assert read_previous_run(connection, 8) == PreviousRun()
