"""Programs that read the publication and the run that replaces it never wait for each other."""

import shutil
from pathlib import Path

import duckdb
import pytest

from tests.support.crash import PROCESSES, hold, intrude, reading_of, run_night
from tests.support.warehouse import load, new_warehouse

pytestmark = pytest.mark.slow

ENTRIES = 200


def live_entries(data_dir: Path) -> int:
    with duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as connection:
        query = "SELECT count(*) FROM fct_ooo_entries WHERE deleted_at IS NULL"
        count: int = connection.execute(query).fetchall()[0][0]
        return count


def test_a_program_that_keeps_the_database_open_reads_its_version_and_blocks_no_run(tmp_path: Path) -> None:
    run_night(tmp_path, 1, ENTRIES)
    before = live_entries(tmp_path)
    ours, theirs = PROCESSES.Pipe()
    holder = PROCESSES.Process(target=hold, args=(tmp_path, theirs), daemon=True)
    holder.start()
    assert ours.recv() == before
    for number in (2, 3, 4):
        run_night(tmp_path, number, ENTRIES)
        ours.send("count")
        assert ours.recv() == before
        assert live_entries(tmp_path) == len(reading_of(number, ENTRIES).absences)
    ours.send(None)
    holder.join(60)
    assert holder.exitcode == 0


def test_an_open_parquet_file_stays_readable_after_it_was_replaced(tmp_path: Path) -> None:
    run_night(tmp_path, 1, ENTRIES)
    path = tmp_path / "exports" / "current" / "fct_ooo_entries.parquet"
    content = path.read_bytes()
    with path.open("rb") as opened:
        run_night(tmp_path, 2, ENTRIES)
        assert opened.read() == content
    assert path.read_bytes() != content


def test_a_program_that_opens_the_warehouse_itself_is_refused_with_the_file_to_read(tmp_path: Path) -> None:
    run_night(tmp_path, 1, ENTRIES)
    with new_warehouse(tmp_path / "warehouse.duckdb") as connection:
        load(connection, reading_of(2, ENTRIES))
        ours, theirs = PROCESSES.Pipe()
        intruder = PROCESSES.Process(target=intrude, args=(tmp_path, theirs), daemon=True)
        intruder.start()
        message = ours.recv()
        intruder.join(60)
    assert "ooo.duckdb" in message
    assert str(tmp_path) in message


def test_a_copy_of_the_published_database_needs_no_other_file(tmp_path: Path) -> None:
    run_night(tmp_path, 1, ENTRIES)
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(tmp_path / "ooo.duckdb", tmp_path / "elsewhere" / "ooo.duckdb")
    assert live_entries(tmp_path / "elsewhere") == len(reading_of(1, ENTRIES).absences)
    assert not list(tmp_path.glob("*.wal"))
