"""Notes are in the files that the setting allows and in no other, and leave them when the setting changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pytest

from calcom.simulator import Fault, Simulator, World, serve
from calcom.strategy import Strategy
from flows.run import stages
from flows.run.context import RunContext
from flows.run.progress import SilentListener
from flows.run.stages import PLAIN_STAGES, Stages
from flows.run.summary import RunSummary
from flows.settings import Settings
from tests.support.remains import find_remains

NOTE, REJECTED_NOTE = "Zahnarzttermin-Qxv-81724", "Rückenschmerzen-Jkq-55190"
"""The second note is in a record that fails validation."""

REJECTED_ASCII = "ckenschmerzen-Jkq-55190"
"""The part of the second note that JSON does not escape."""


@contextmanager
def serve_organization() -> Iterator[str]:
    world = World.generate(people=4, years=1)
    user_id = world.users()[1]["id"]
    world.add_entry(user_id, "2031-03-02T00:00:00.000Z", "2031-03-02T23:59:59.999Z", notes=NOTE)
    entries = world.entries()
    world.update_entry(entries[len(entries) // 2]["id"], notes=REJECTED_NOTE)
    faults = [Fault("bad_record", path=r"/ooo", times=1000, value="soon")]
    with serve(Simulator(world, limits=None, faults=faults)) as server:
        yield server.url


def sync(settings: Settings, stages_of_run: Stages = PLAIN_STAGES) -> RunSummary:
    return stages.sync(settings, strategy=Strategy.ORG_WIDE, listener=SilentListener(), stages=stages_of_run)


def places(settings: Settings, *texts: str) -> set[str]:
    """Return the first part of the path of each file that contains one of `texts`."""
    return {line.partition(":")[0].partition("/")[0] for line in find_remains(settings.data_dir, *texts)}


@pytest.mark.parametrize(
    ("notes", "of_note", "of_rejected"),
    [
        ("core", {"landing", "warehouse.duckdb"}, {"landing", "warehouse.duckdb"}),
        (
            "publish",
            {"landing", "warehouse.duckdb", "ooo.duckdb", "exports"},
            {"landing", "warehouse.duckdb"},
        ),
        ("drop", set(), set()),
    ],
)
def test_notes_are_in_the_files_that_the_setting_allows_and_in_no_other(
    notes: str, of_note: set[str], of_rejected: set[str], settings_for: Callable[..., Settings]
) -> None:
    with serve_organization() as url:
        settings = settings_for(url, OOO_NOTES=notes)
        summary = sync(settings)
    assert summary.rows["quarantined"] == 1
    assert places(settings, NOTE) == of_note
    assert places(settings, REJECTED_NOTE, REJECTED_ASCII) == of_rejected
    entries = pl.read_parquet(summary.parquet_folder / "fct_ooo_entries.parquet")
    assert ("notes" in entries.columns) == (notes == "publish")
    assert notes != "publish" or NOTE in entries["notes"].to_list()


def test_an_entry_has_notes_if_cal_com_has_them_whether_or_not_they_are_stored(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    stored = {}
    for notes in ("core", "drop"):
        with serve_organization() as url:
            summary = sync(settings_for(url, OOO_NOTES=notes, OOO_DATA_DIR=tmp_path / notes))
        with duckdb.connect(str(summary.warehouse), read_only=True) as connection:
            query = "SELECT entry_id, has_notes, notes FROM core.ooo_entries ORDER BY entry_id"
            stored[notes] = connection.execute(query).fetchall()
    has_notes = {entry_id: bool(text) for entry_id, _, text in stored["core"]}
    assert set(has_notes.values()) == {True, False}
    assert {entry_id: flag for entry_id, flag, _ in stored["core"]} == has_notes
    assert stored["drop"] == [(entry_id, flag, None) for entry_id, flag in has_notes.items()]


@pytest.mark.parametrize("former", ["core", "publish"])
def test_stored_notes_leave_every_file_with_the_next_sync_if_notes_are_dropped(
    former: str, settings_for: Callable[..., Settings]
) -> None:
    with serve_organization() as url:
        for _ in range(2):
            sync(settings_for(url, OOO_NOTES=former))
        settings = settings_for(url, OOO_NOTES="drop")
        dropped, again = sync(settings), sync(settings)
    assert find_remains(settings.data_dir, NOTE, REJECTED_ASCII) == []
    assert not (settings.data_dir / "warehouse.duckdb.wal").exists()
    assert dropped.rows["updated"] == again.rows["updated"] == 0
    assert dropped.warehouse.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("publishes", [False, True])
def test_a_kill_between_the_load_and_the_compaction_leaves_the_compaction_to_the_next_sync(
    settings_for: Callable[..., Settings], *, publishes: bool
) -> None:
    def kill(run: RunContext) -> None:
        if publishes:
            PLAIN_STAGES.publish(run)
        raise KeyboardInterrupt

    with serve_organization() as url:
        sync(settings_for(url))
        settings = settings_for(url, OOO_NOTES="drop")
        with pytest.raises(KeyboardInterrupt):
            sync(settings, Stages(publish=kill))
        assert "warehouse.duckdb" in places(settings, NOTE)
        sync(settings)
    assert places(settings, NOTE) == set()


def test_notes_that_are_no_longer_published_leave_every_generation_and_stay_in_the_warehouse(
    settings_for: Callable[..., Settings],
) -> None:
    with serve_organization() as url:
        for _ in range(2):
            sync(settings_for(url, OOO_NOTES="publish"))
        settings = settings_for(url, OOO_NOTES="core")
        sync(settings)
        kept = sync(settings)
    assert places(settings, NOTE) == {"landing", "warehouse.duckdb"}
    generations = sorted(path.name for path in (settings.data_dir / "exports" / "generations").iterdir())
    assert (len(generations), generations[-1]) == (2, kept.generation)
