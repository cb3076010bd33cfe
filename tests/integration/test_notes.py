"""Notes: kept and not published, published, or never stored, and gone when a setting takes them back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from calcom.simulator import Fault, Simulator, World, serve
from calcom.strategy import Strategy
from flows.run import stages as pipeline
from flows.run.progress import SilentListener
from flows.run.summary import RunSummary
from flows.settings import Settings
from tests.support.remains import find_remains

NOTE, REJECTED_NOTE = "Zahnarzttermin-Qxv-81724", "Rückenschmerzen-Jkq-55190"
"""The second stands in a record that can't be read."""


@contextmanager
def _organization() -> Iterator[str]:
    world = World.generate(people=4, years=1)
    user_id = world.users()[1]["id"]
    world.add_entry(user_id, "2031-03-02T00:00:00.000Z", "2031-03-02T23:59:59.999Z", notes=NOTE)
    entries = world.entries()
    world.update_entry(entries[len(entries) // 2]["id"], notes=REJECTED_NOTE)
    faults = [Fault("bad_record", path=r"/ooo", times=1000, value="soon")]
    with serve(Simulator(world, limits=None, faults=faults)) as server:
        yield server.url


def _sync(settings: Settings) -> RunSummary:
    return pipeline.sync(settings, strategy=Strategy.ORG_WIDE, listener=SilentListener())


def _places(settings: Settings, *texts: str) -> set[str]:
    """The first part of the path of every file that any of `texts` is in."""
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
    with _organization() as url:
        settings = settings_for(url, OOO_NOTES=notes)
        summary = _sync(settings)
    assert summary.rows["quarantined"] == 1
    assert _places(settings, NOTE) == of_note
    assert _places(settings, REJECTED_NOTE, "ckenschmerzen-Jkq-55190") == of_rejected


@pytest.mark.parametrize("former", ["core", "publish"])
def test_notes_that_are_to_be_dropped_leave_every_file_with_the_next_sync(
    former: str, settings_for: Callable[..., Settings]
) -> None:
    with _organization() as url:
        for _ in range(2):
            _sync(settings_for(url, OOO_NOTES=former))
        settings = settings_for(url, OOO_NOTES="drop")
        dropped, again = _sync(settings), _sync(settings)
    assert find_remains(settings.data_dir, NOTE, "ckenschmerzen-Jkq-55190") == []
    assert not (settings.data_dir / "warehouse.duckdb.wal").exists()
    assert dropped.rows["updated"] == again.rows["updated"] == 0


def test_a_kill_between_the_commit_and_the_compaction_leaves_it_to_the_next_sync(
    settings_for: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with _organization() as url:
        _sync(settings_for(url))
        settings = settings_for(url, OOO_NOTES="drop")
        with monkeypatch.context() as patch:
            patch.setattr("flows.run.context.purge_warehouse", killed)
            with pytest.raises(KeyboardInterrupt):
                _sync(settings)
        assert "warehouse.duckdb" in _places(settings, NOTE)
        _sync(settings)
    assert _places(settings, NOTE) == set()


def test_notes_that_are_no_longer_published_leave_every_generation_and_stay_in_the_warehouse(
    settings_for: Callable[..., Settings],
) -> None:
    with _organization() as url:
        for _ in range(2):
            _sync(settings_for(url, OOO_NOTES="publish"))
        settings = settings_for(url, OOO_NOTES="core")
        _sync(settings)
        kept = _sync(settings)
    assert _places(settings, NOTE) == {"landing", "warehouse.duckdb"}
    generations = sorted(path.name for path in (settings.data_dir / "exports" / "generations").iterdir())
    assert (len(generations), generations[-1]) == (2, kept.generation)
