"""The removal of an organization leaves no byte of it in any file, and the others stay as they are."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calcom.simulator import OWNER_KEY, RunningServer, World
from flows.fleet.extraction import open_hand_off_store
from flows.fleet.organizations import read_organizations
from flows.fleet.removal import remove_from_fleet
from flows.fleet.sync import sync_fleet
from flows.privacy.erasure import erase_user, find_person
from flows.report.status import read_organization_states
from flows.run.progress import SilentListener
from flows.settings import Settings
from flows.settings.errors import ConfigurationError, UnknownPersonError
from landing.object_store import ObjectStore
from tests.support.fleet import serve_worlds, write_fleet
from tests.support.program import run_ooo
from tests.support.remains import find_remains

WORLDS = {
    name: World.generate(seed=number, people=4, years=1, organization_id=number)
    for number, name in enumerate(("acme", "globex"), 1)
}
_OTHERS = {user["email"] for user in WORLDS["acme"].users()}
PERSON = next(user for user in WORLDS["globex"].users() if user["email"] not in _OTHERS)


@pytest.fixture
def servers() -> Iterator[Mapping[str, RunningServer]]:
    """Serve two organizations with the ids 1 and 2."""
    with serve_worlds(WORLDS) as running:
        yield running


@pytest.fixture
def settings(
    settings_for: Callable[..., Settings], bucket_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Settings:
    """Return the settings of a loader that also publishes to a bucket and takes landings from it."""
    monkeypatch.chdir(tmp_path)
    addresses = {"OOO_PUBLISH_URL": f"{bucket_url}/tables", "OOO_EXCHANGE_URL": f"{bucket_url}/exchange"}
    own = {"RIGHT_KEY": OWNER_KEY, "WRONG_KEY": "cal_wrong", "OOO_DATA_DIR": str(tmp_path / "data")}
    for name, value in {**addresses, **own, "OOO_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    return settings_for("https://cal.example", **addresses)


def sync(settings: Settings, servers: Mapping[str, RunningServer], **keys: str) -> Any:
    file = write_fleet(settings.data_dir.parent / "orgs.toml", servers, **keys)
    return sync_fleet(
        settings, read_organizations(file), read_block=str, listener_for=lambda _: SilentListener()
    )


def stored_texts(settings: Settings, folder: Path) -> Path:
    """Copy every object of both stores into a folder, for a search."""
    store = ObjectStore(str(settings.publish_url).removesuffix("/tables"))
    for name in store.list_sizes(""):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(store.read(name) or b"")
    return folder


@pytest.mark.parametrize("has_all_targets", [False, True], ids=["flat files", "Delta, partitions and feeds"])
def test_a_removed_organization_is_in_no_file_no_object_and_no_later_generation(
    has_all_targets: bool,  # noqa: FBT001 - a case
    settings: Settings,
    servers: Mapping[str, RunningServer],
    tmp_path: Path,
) -> None:
    if has_all_targets:
        targets = {"OOO_DELTA": True, "OOO_LAYOUT": "partitioned", "OOO_CALENDAR_FEEDS": "reasons"}
        settings = settings.model_validate(settings.model_dump(by_alias=True) | targets)
    sync(settings, servers)
    former = {"acme": servers["acme"], "globex-ltd": servers["globex"]}
    sync(settings, former, **{"globex-ltd": "WRONG_KEY"})
    sync(settings, former)
    sync(settings, servers)
    if has_all_targets:
        folders = {path.name for path in (settings.data_dir / "exports").iterdir()}
        assert {"delta", "calendars"} <= folders
        assert list((settings.data_dir / "exports" / "generations").rglob("year=*"))
    assert find_remains(settings.data_dir, PERSON["email"])
    assert find_remains(stored_texts(settings, tmp_path / "before"), PERSON["email"])
    for name in ("globex", "globex-ltd"):  # extractions that were killed, under the present and a former name
        leftover = settings.data_dir / "organizations" / name / "landing" / "run" / "note.txt"
        leftover.parent.mkdir(parents=True, exist_ok=True)
        leftover.write_text(PERSON["email"])
        open_hand_off_store(settings).put_failure(name, 12, PERSON["email"])
    with duckdb.connect(str(settings.data_dir / "ooo.duckdb"), read_only=True) as connection:
        others = connection.execute("FROM fct_ooo_entries WHERE organization_id = 1 ORDER BY ALL").fetchall()

    removal = remove_from_fleet(settings, "globex")

    assert (removal.organization_id, removal.removed["core.people"] > 0) == (2, True)
    assert find_remains(settings.data_dir, PERSON["email"]) == []
    assert find_remains(stored_texts(settings, tmp_path / "after"), PERSON["email"]) == []
    with duckdb.connect(str(settings.data_dir / "ooo.duckdb"), read_only=True) as connection:
        assert connection.execute("FROM fct_ooo_entries ORDER BY ALL").fetchall() == others
        assert connection.execute("SELECT DISTINCT organization_id FROM runs").fetchall() == [(1,)]
        assert connection.execute("SELECT organization_id FROM dim_organizations").fetchall() == [(1,)]
    assert [each.name for each in read_organization_states(settings)] == ["acme"]
    with pytest.raises(ConfigurationError, match=r"no organization globex; expected .* acme"):
        remove_from_fleet(settings, "globex")


def test_an_erased_person_of_a_fleet_is_in_no_file_no_object_and_no_delta_table(
    settings: Settings, servers: Mapping[str, RunningServer], tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"has_delta": True})
    sync(settings, servers)
    assert list((settings.data_dir / "exports" / "delta").rglob("*.parquet"))
    leftover = settings.data_dir / "organizations" / "globex" / "landing" / "run" / "note.txt"
    leftover.parent.mkdir(parents=True, exist_ok=True)
    leftover.write_text(PERSON["email"])
    open_hand_off_store(settings).put_failure("globex", 12, PERSON["email"])
    assert find_remains(stored_texts(settings, tmp_path / "before"), PERSON["email"])

    erasure = erase_user(settings, PERSON["email"])

    assert (erasure.organization_id, erasure.user_id) == (2, PERSON["id"])
    assert find_remains(settings.data_dir, PERSON["email"]) == []
    assert find_remains(stored_texts(settings, tmp_path / "after"), PERSON["email"]) == []


class Killed(BaseException):
    """The process ends here."""


def interrupted(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Run an erasure or a removal that ends when it begins to publish."""

    def end(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("flows.run.maintenance.publish_tables", end)
        with pytest.raises(Killed):
            action()


def test_a_removal_that_was_interrupted_is_completed_by_the_same_command(
    settings: Settings, servers: Mapping[str, RunningServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(settings, servers)
    interrupted(monkeypatch, lambda: remove_from_fleet(settings, "globex"))
    assert find_remains(settings.data_dir, PERSON["email"]) != []
    with pytest.raises(
        ConfigurationError, match=r"no organization globex.*had been interrupted was completed"
    ):
        remove_from_fleet(settings, "globex")
    assert find_remains(settings.data_dir, PERSON["email"]) == []
    assert find_remains(stored_texts(settings, tmp_path / "after"), PERSON["email"]) == []


def test_an_erasure_by_address_that_was_interrupted_is_completed_by_the_same_command(
    settings: Settings, servers: Mapping[str, RunningServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(settings, servers)
    interrupted(monkeypatch, lambda: erase_user(settings, PERSON["email"]))
    assert find_remains(settings.data_dir, PERSON["email"]) != []
    with pytest.raises(UnknownPersonError, match="had been interrupted was completed"):
        find_person(settings, PERSON["email"])
    assert find_remains(settings.data_dir, PERSON["email"]) == []
    assert find_remains(stored_texts(settings, tmp_path / "after"), PERSON["email"]) == []


def test_the_last_organization_can_be_removed_by_its_id(
    settings: Settings, servers: Mapping[str, RunningServer]
) -> None:
    sync(settings, {"globex": servers["globex"]})
    remove_from_fleet(settings, "2")
    assert find_remains(settings.data_dir, PERSON["email"]) == []
    with duckdb.connect(str(settings.data_dir / "ooo.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM fct_ooo_entries").fetchall() == [(0,)]
    assert sync(settings, servers).outcome == "complete"


def test_the_list_shows_the_state_of_each_and_the_removal_needs_a_confirmation(
    settings: Settings, servers: Mapping[str, RunningServer], tmp_path: Path
) -> None:
    sync(settings, servers, globex="WRONG_KEY")
    environment = {"OOO_DATA_DIR": str(settings.data_dir)}
    with (tmp_path / "orgs.toml").open("a") as file:
        file.write('[organizations.initech]\napi_key = "env:OTHER_KEY"\n')
    listed = run_ooo("fleet", "list", "orgs.toml", cwd=tmp_path, **environment)
    acme, globex, initech = listed.stdout.splitlines()
    assert acme.startswith("acme (organization 1): snapshot 20")
    assert "stale" not in acme
    assert globex.startswith("globex: snapshot none is complete yet; stale: the attempt of 20")
    assert initech == "initech: snapshot none is complete yet; stale: not read yet"

    refused = run_ooo("fleet", "remove", "globex", cwd=tmp_path, stdin="", **environment)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    done = run_ooo("fleet", "remove", "globex", "--yes", cwd=tmp_path, **environment)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "REMOVED  globex (never read)")
    assert run_ooo("fleet", "list", cwd=tmp_path, **environment).stdout.splitlines() == [acme]
