"""The runs' own rows."""

from dataclasses import replace
from datetime import date

from tests.support.naive import Absence
from tests.support.warehouse import load, new_warehouse, night, read_all, rows_of
from warehouse.load.runs import KnownSize, RunRow, find_run, insert_run, known_size, latest_snapshot_at

ROW = RunRow("r", 7, night(1), night(1), "org-wide", "failed", error="no network")


def test_a_failed_run_is_no_snapshot_and_is_replaced_when_it_is_resumed() -> None:
    with new_warehouse() as connection:
        insert_run(connection, ROW)
        assert find_run(connection, "r") is None
        assert latest_snapshot_at(connection, 7) is None
        assert known_size(connection, 7) is None
        done = replace(ROW, outcome="partial", error=None, rows_in=3, waited_seconds=1.5)
        insert_run(connection, done)
        assert find_run(connection, "r") == done
        assert len(rows_of(connection, "FROM ops.runs")) == 1
        assert latest_snapshot_at(connection, 7) == night(1)
        assert latest_snapshot_at(connection, 8) is None


def test_the_known_size_is_who_has_not_left_and_what_is_live() -> None:
    absence = Absence(1, 1, date(2026, 3, 2), date(2026, 3, 2))
    with new_warehouse() as connection:
        load(connection, read_all((absence, replace(absence, entry_id=2, user_id=2)), at=night(1)))
        load(connection, read_all((replace(absence, entry_id=2, user_id=2),), at=night(2), users=(2, 3)))
        assert known_size(connection, 7) == KnownSize(2, 1, observed_at=night(2))
