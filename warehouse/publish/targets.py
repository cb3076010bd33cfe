"""Where readers find a generation: on the disk, and, if a URL is set, in object storage. Both look the same.

    ooo.duckdb                        on the disk beside exports/, in a bucket beside the rest
    generations/<id>/                 immutable, with manifest.json
    current/<table>.parquet           the newest generation's
    delta/<table>/                    Delta Lake tables, if they are on
    current.json                      written last: the newest generation and its Delta versions

At every instant each name leads to a whole file, or object, and `current.json` to a whole generation.
"""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from landing.files import TEMPORARY_PREFIX, flush, link, remove_folder, remove_leftovers, replace, write_json
from landing.object_store import ObjectStore
from warehouse.publish.generation import FORMAT, MANIFEST, Generation, superseded, telling

DELTA_LOG = "_delta_log"


class PublishTarget(Protocol):
    """What a publication does, in this order, wherever readers are."""

    def take_generation(self, generation: Generation) -> None:
        """The generation is there, its manifest last."""

    def delta_uri(self, table: str) -> str:
        """Where the Delta table is, as Delta Lake names it."""

    def place_delta_file(self, generation: Generation, file: str, name: str) -> None:
        """The generation's `file` is also `delta/<name>`."""

    def replace_database(self) -> None:
        """`ooo.duckdb` is the generation's."""

    def replace_current(self, generation: Generation) -> None:
        """`current/` has the generation's tables and no other."""

    def read_pointer(self) -> str | None:
        """The generation that `current.json` names; None if it names none."""

    def write_pointer(self, pointer: Mapping[str, Any]) -> None:
        """`current.json` says `pointer`."""

    def remove_generations(self, newest: str, keep: int, *, former: str | None) -> None:
        """`keep` generations are there, first the newest and `former`; Delta tables hold no file of others.

        None of them shows a personal column that the newest does not.
        """

    def remove_delta_tables(self, besides: Iterable[str]) -> None:
        """Only these Delta tables are there."""


def make_pointer(generation: Generation, delta: Mapping[str, int] | None) -> dict[str, Any]:
    """What `current.json` says of the newest generation."""
    folder = f"generations/{generation.name}"
    pointer = {
        "format": FORMAT,
        "generation": generation.name,
        "folder": folder,
        "manifest": f"{folder}/{MANIFEST}",
    }
    return pointer if delta is None else pointer | {"delta": dict(delta)}


def _told(read: Callable[[], bytes | None], key: str) -> Any:
    """What a manifest or pointer says of `key`; None if it is not there, or can't say."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return json.loads(read() or b"")[key]
    return None


class DiskTarget:
    """The data folder: `ooo.duckdb` and `exports/`. Files are hard links to the generation's."""

    def __init__(self, data_dir: Path) -> None:
        """The folders are there, without what a killed publication left in them."""
        self.database = data_dir / "ooo.duckdb"
        self.database_aside = data_dir / f"{TEMPORARY_PREFIX}ooo.duckdb"
        self.exports = data_dir / "exports"
        self.generations = self.exports / "generations"
        self.current = self.exports / "current"
        self.delta = self.exports / "delta"
        self.generations.mkdir(parents=True, exist_ok=True)
        self.current.mkdir(exist_ok=True)
        within_delta = [path for path in self.delta.rglob("*") if path.is_dir()]
        for folder in (data_dir, self.exports, self.current, self.generations, self.delta, *within_delta):
            remove_leftovers(folder)

    def take_generation(self, generation: Generation) -> None:
        """It was built there."""

    def delta_uri(self, table: str) -> str:
        """The table's folder."""
        folder = self.delta / table
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def place_delta_file(self, generation: Generation, file: str, name: str) -> None:
        """A link, for Delta readers want the file within the table's folder."""
        path = self.delta / name
        path.parent.mkdir(parents=True, exist_ok=True)
        link(generation.folder / file, path)

    def replace_database(self) -> None:
        """Who has the old one open keeps it."""
        # A reader that opened the last one for writing may have left a log that fits no other file.
        self.database.with_name(f"{self.database.name}.wal").unlink(missing_ok=True)
        replace(self.database_aside, self.database)

    def replace_current(self, generation: Generation) -> None:
        """One rename a table."""
        newest = generation.flat_files()
        for file in newest:
            link(generation.folder / file, self.current / file)
        for path in set(self.current.glob("*.parquet")) - {self.current / file for file in newest}:
            path.unlink()

    def read_pointer(self) -> str | None:
        """From the file."""
        named: str | None = _told((self.exports / "current.json").read_bytes, "generation")
        return named

    def write_pointer(self, pointer: Mapping[str, Any]) -> None:
        """By a rename."""
        write_json(self.exports / "current.json", dict(pointer))

    def last_generation(self) -> Generation | None:
        """What `current.json` names, as its manifest tells it; None if there is none that can be read."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            pointer = json.loads((self.exports / "current.json").read_text(encoding="utf-8"))
            folder = self.generations / pointer["generation"]
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if manifest["format"] == FORMAT:
                return Generation(folder, manifest)
        return None

    def remove_generations(self, newest: str, keep: int, *, former: str | None) -> None:
        """Each is renamed aside before it is removed, so none is ever there in part."""
        names = [path.name for path in self.generations.iterdir() if path.is_dir()]
        shown = {
            name: _told((self.generations / name / MANIFEST).read_bytes, "personal_columns") for name in names
        }
        doomed = set(superseded(names, newest, keep, former=former)) | telling(shown, newest)
        for name in doomed:
            remove_folder(self.generations / name)
        kept = set(names) - doomed
        for path in self.delta.glob("*/*"):
            if path.is_dir() and path.name not in kept | {DELTA_LOG}:
                shutil.rmtree(path)

    def remove_delta_tables(self, besides: Iterable[str]) -> None:
        """A table that nobody keeps up to date would mislead."""
        kept = set(besides)
        for path in self.delta.glob("*"):
            if path.name not in kept:
                remove_folder(path)
        if self.delta.exists() and not kept:
            self.delta.rmdir()
            flush(self.exports)


class ObjectStoreTarget:
    """The same in object storage, sent from the disk. Files are copies within the store."""

    def __init__(self, disk: DiskTarget, url: str) -> None:
        """Nothing is asked of the store yet. `ObjectStoreError` if the URL can't be one."""
        self.disk = disk
        self.objects = ObjectStore(url)

    def take_generation(self, generation: Generation) -> None:
        """What an interrupted upload sent already is not sent again."""
        self.objects.put_folder(f"generations/{generation.name}", generation.folder, marker=MANIFEST)

    def delta_uri(self, table: str) -> str:
        """The table's URL."""
        return f"{self.objects.url}/delta/{table}"

    def place_delta_file(self, generation: Generation, file: str, name: str) -> None:
        """A copy within the store."""
        self.objects.copy(f"generations/{generation.name}/{file}", f"delta/{name}")

    def replace_database(self) -> None:
        """Sent whole; the old object is there until the new one is."""
        self.objects.put_file("ooo.duckdb", self.disk.database)

    def replace_current(self, generation: Generation) -> None:
        """One copy within the store a table."""
        newest = generation.flat_files()
        for file in newest:
            self.objects.copy(f"generations/{generation.name}/{file}", f"current/{file}")
        stale = set(self.objects.list_sizes("current")) - set(newest)
        self.objects.remove([f"current/{file}" for file in sorted(stale)])

    def read_pointer(self) -> str | None:
        """From the object."""
        named: str | None = _told(partial(self.objects.read, "current.json"), "generation")
        return named

    def write_pointer(self, pointer: Mapping[str, Any]) -> None:
        """One object."""
        self.objects.put_bytes("current.json", json.dumps(pointer, indent=2).encode() + b"\n")

    def remove_generations(self, newest: str, keep: int, *, former: str | None) -> None:
        """With them go the uploads that were never finished."""
        whole = self.objects.list_folders("generations", marker=MANIFEST)
        shown = {
            name: _told(partial(self.objects.read, f"generations/{name}/{MANIFEST}"), "personal_columns")
            for name in whole
        }
        kept = set(whole) - set(superseded(whole, newest, keep, former=former)) - telling(shown, newest)
        for name in set(self.objects.list_folders("generations")) - kept:
            self.objects.remove_folder(f"generations/{name}", marker=MANIFEST)
        for table in self.objects.list_folders("delta"):
            for name in set(self.objects.list_folders(f"delta/{table}")) - kept - {DELTA_LOG}:
                self.objects.remove_folder(f"delta/{table}/{name}")

    def remove_delta_tables(self, besides: Iterable[str]) -> None:
        """As on the disk."""
        for table in set(self.objects.list_folders("delta")) - set(besides):
            self.objects.remove_folder(f"delta/{table}")
