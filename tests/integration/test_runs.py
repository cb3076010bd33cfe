"""The rows of runs, and the size of an organization after its latest snapshot."""

from dataclasses import replace
from datetime import date

from tests.support.naive import Absence
from tests.support.warehouse import load, new_warehouse, night, read_all, rows_of
from transforms.runs import RunRecord
from warehouse.load.runs import (
    OrganizationSize,
    find_run,
    insert_run,
    latest_snapshot_at,
    read_organization_size,
)

FAILED = RunRecord("r", 7, night(1), night(1), "org-wide", "failed", error="no network")


def test_a_failed_run_is_not_a_snapshot_and_its_row_is_replaced_when_it_is_resumed() -> None:
    with new_warehouse() as connection:
        insert_run(connection, FAILED.as_row())
        assert find_run(connection, "r") is None
        assert latest_snapshot_at(connection, 7) is None
        assert read_organization_size(connection, 7) is None
        resumed = replace(FAILED, outcome="partial", error=None, rows_in=3, waited_seconds=1.5)
        insert_run(connection, resumed.as_row())
        assert find_run(connection, "r") == resumed.as_row()
        assert len(rows_of(connection, "FROM ops.runs")) == 1
        assert latest_snapshot_at(connection, 7) == night(1)
        assert latest_snapshot_at(connection, 8) is None


def test_the_size_of_an_organization_counts_present_people_and_live_entries() -> None:
    absence = Absence(1, 1, date(2026, 3, 2), date(2026, 3, 2))
    with new_warehouse() as connection:
        load(connection, read_all((absence, replace(absence, entry_id=2, user_id=2)), at=night(1)))
        load(connection, read_all((replace(absence, entry_id=2, user_id=2),), at=night(2), users=(2, 3)))
        assert read_organization_size(connection, 7) == OrganizationSize(2, 1, observed_at=night(2))
