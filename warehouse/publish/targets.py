"""Publish targets: a generation on the disk and, if a URL is set, in object storage, in the same layout.

    ooo.duckdb                        on the disk beside exports/; in a bucket beside the other names
    generations/<id>/                 immutable, with manifest.json
    current/<table>.parquet           the files of the newest generation
    calendars/<feed>.ics              the calendar feeds of the newest generation
    delta/<table>/                    Delta Lake tables, if the setting is on
    current.json                      written last: the newest generation and its Delta versions

At every instant each name leads to a complete file or object, and `current.json` names a complete generation.
"""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from landing.files import (
    flush,
    link,
    remove_folder,
    remove_leftovers,
    replace,
    temporary_path,
    write_json,
)
from landing.object_store import ObjectStore
from warehouse.errors import WarehouseError
from warehouse.publish.generation import CALENDARS, FORMAT, MANIFEST, Generation

DELTA_LOG = "_delta_log"


class PublishTarget(Protocol):
    """The steps of a publication, in this order, at one target."""

    def take_generation(self, generation: Generation) -> None:
        """Store the files of the generation, its manifest last."""

    def delta_uri(self, table: str) -> str:
        """Return the address of the Delta table in the notation of Delta Lake."""

    def add_delta_file(self, generation: Generation, file: str, name: str) -> None:
        """Make the generation's `file` also available as `delta/<name>`."""

    def replace_database(self) -> None:
        """Replace `ooo.duckdb` by the new database."""

    def replace_current(self, generation: Generation) -> None:
        """Replace the files of `current/` by those of the generation, and remove files of other tables."""

    def replace_calendars(self, generation: Generation) -> None:
        """Replace the files of `calendars/` by those of the generation, and remove the others."""

    def read_pointer(self) -> str | None:
        """Return the generation that `current.json` names, or None."""

    def write_pointer(self, pointer: Mapping[str, Any]) -> None:
        """Replace `current.json` by `pointer`."""

    def remove_generations(self, newest: str, keep: int, *, former: str | None) -> None:
        """Remove old generations, with their files in Delta tables, and keep `keep` generations in all.

        Prefer `newest` and `former`, and keep no generation with a personal column that the newest does not show.
        """

    def remove_delta_table(self, name: str) -> None:
        """Remove one Delta table with its history."""

    def remove_delta_tables(self, besides: Iterable[str]) -> None:
        """Remove all Delta tables except `besides`."""


def make_pointer(generation: Generation, delta: Mapping[str, int] | None) -> dict[str, Any]:
    """Return the content of `current.json` for the newest generation and its Delta versions."""
    folder = f"generations/{generation.name}"
    pointer = {
        "format": FORMAT,
        "generation": generation.name,
        "folder": folder,
        "manifest": f"{folder}/{MANIFEST}",
        "data_as_of": generation.manifest["data_as_of"],
        "stale_organizations": generation.manifest["stale_organizations"],
    }
    return pointer if delta is None else pointer | {"delta": dict(delta)}


# Retention


def generations_to_prune(
    names: Sequence[str], newest: str, keep: int, *, former: str | None = None
) -> list[str]:
    """Return the generations to remove so that `keep` remain: the newest, `former` and the latest others.

    `former` is the generation that `current.json` named until now: programs may still read it. It need not be the
    last but one, because a killed publication leaves a generation that `current.json` never named.
    """
    others = sorted((name for name in names if name != newest), key=lambda name: (name == former, name))
    return others[: max(len(others) - max(keep - 1, 0), 0)]


def generations_showing_more(shown: Mapping[str, Sequence[str] | None], newest: str) -> set[str]:
    """Return the generations with a personal column that the newest does not show, such as notes.

    `shown` holds the `personal_columns` of each manifest. A generation without them counts as showing more.
    """
    columns = {name: None if names is None else set(names) for name, names in shown.items()}
    allowed = columns.get(newest) or set()
    return {name for name, own in columns.items() if name != newest and (own is None or not own <= allowed)}


def _read_key(read: Callable[[], bytes | None], key: str) -> Any:
    """Return the value of `key` in the JSON object that `read` returns; None if it cannot be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return json.loads(read() or b"")[key]
    return None


class DiskTarget:
    """The data folder: `ooo.duckdb` and `exports/`. The files are hard links to those of the generation."""

    def __init__(self, data_dir: Path) -> None:
        """Create the folders, and remove the temporary files of killed publications from them."""
        self.database = data_dir / "ooo.duckdb"
        self.temporary_database = temporary_path(self.database)
        self.exports = data_dir / "exports"
        self.generations = self.exports / "generations"
        self.current = self.exports / "current"
        self.calendars = self.exports / CALENDARS
        self.delta = self.exports / "delta"
        self.generations.mkdir(parents=True, exist_ok=True)
        self.current.mkdir(exist_ok=True)
        within_delta = [path for path in self.delta.rglob("*") if path.is_dir()]
        for folder in (
            data_dir,
            self.exports,
            self.current,
            self.calendars,
            self.generations,
            self.delta,
            *within_delta,
        ):
            remove_leftovers(folder)

    def take_generation(self, generation: Generation) -> None:
        """Do nothing: the generation was built in this folder."""

    def delta_uri(self, table: str) -> str:
        """Return the folder of the table, which is created if it does not exist.

        Raise `WarehouseError` for a path with a percent sign, which the Delta library decodes.
        """
        if "%" in str(self.delta.resolve()):
            message = (
                f"can't write Delta tables under {self.delta.resolve()}: expected a path without %, which the Delta"
                " library decodes; set OOO_DATA_DIR to another folder, or OOO_DELTA=false"
            )
            raise WarehouseError(message)
        folder = self.delta / table
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def add_delta_file(self, generation: Generation, file: str, name: str) -> None:
        """Link the file into the folder of the table, where Delta Lake expects it."""
        path = self.delta / name
        path.parent.mkdir(parents=True, exist_ok=True)
        link(generation.folder / file, path)

    def replace_database(self) -> None:
        """Rename the temporary database. Programs that have the old one open keep it."""
        # A program that opened the old database for writing may have left a log that fits no other file.
        self.database.with_name(f"{self.database.name}.wal").unlink(missing_ok=True)
        replace(self.temporary_database, self.database)

    def replace_current(self, generation: Generation) -> None:
        """Replace each file by one rename."""
        newest = generation.flat_files()
        for file in newest:
            link(generation.folder / file, self.current / file)
        for path in set(self.current.glob("*.parquet")) - {self.current / file for file in newest}:
            path.unlink()

    def replace_calendars(self, generation: Generation) -> None:
        """Replace each file by one rename. Without feeds, remove the folder."""
        feeds = generation.feeds()
        if feeds:
            self.calendars.mkdir(exist_ok=True)
        for feed in feeds:
            link(generation.folder / CALENDARS / feed, self.calendars / feed)
        for path in set(self.calendars.glob("*.ics")) - {self.calendars / feed for feed in feeds}:
            path.unlink()
        if not feeds:
            with contextlib.suppress(OSError):  # there is no folder, or it has files of another program
                self.calendars.rmdir()
                flush(self.exports)

    def read_pointer(self) -> str | None:
        """Read the file."""
        name: str | None = _read_key((self.exports / "current.json").read_bytes, "generation")
        return name

    def write_pointer(self, pointer: Mapping[str, Any]) -> None:
        """Replace the file by one rename."""
        write_json(self.exports / "current.json", dict(pointer))

    def last_generation(self) -> Generation | None:
        """Return the generation that `current.json` names; None if it or its manifest cannot be read."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            pointer = json.loads((self.exports / "current.json").read_text(encoding="utf-8"))
            folder = self.generations / pointer["generation"]
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if manifest["format"] == FORMAT:
                return Generation(folder, manifest)
        return None

    def remove_generations(self, newest: str, keep: int, *, former: str | None) -> None:
        """Rename each folder to a temporary name before its removal, so that it is never there in part."""
        names = [path.name for path in self.generations.iterdir() if path.is_dir() and not path.is_symlink()]
        shown = {
            name: _read_key((self.generations / name / MANIFEST).read_bytes, "personal_columns")
            for name in names
        }
        removed = {
            *generations_to_prune(names, newest, keep, former=former),
            *generations_showing_more(shown, newest),
        }
        for name in removed:
            remove_folder(self.generations / name)
        kept = set(names) - removed
        for path in self.delta.glob("*/*"):
            if path.is_dir() and not path.is_symlink() and path.name not in kept | {DELTA_LOG}:
                shutil.rmtree(path)

    def remove_delta_table(self, name: str) -> None:
        """Remove the folder of the table."""
        remove_folder(self.delta / name)

    def remove_delta_tables(self, besides: Iterable[str]) -> None:
        """Remove the folders of the tables, and the folder `delta/` if none is left."""
        kept = set(besides)
        for path in self.delta.glob("*"):
            if path.name not in kept:
                remove_folder(path)
        if self.delta.exists() and not kept:
            self.delta.rmdir()
            flush(self.exports)


class ObjectStoreTarget:
    """The same layout in object storage, uploaded from the disk. The other names are copies within the store."""

    def __init__(self, disk: DiskTarget, url: str) -> None:
        """Open the store without a request. Raise `ObjectStoreError` if `url` is not one of a store."""
        self.disk = disk
        self.store = ObjectStore(url)

    def take_generation(self, generation: Generation) -> None:
        """Upload the files that an interrupted upload has not stored."""
        self.store.put_folder(f"generations/{generation.name}", generation.folder, marker=MANIFEST)

    def delta_uri(self, table: str) -> str:
        """Return the URL of the table."""
        return f"{self.store.url}/delta/{table}"

    def add_delta_file(self, generation: Generation, file: str, name: str) -> None:
        """Copy the file within the store."""
        self.store.copy(f"generations/{generation.name}/{file}", f"delta/{name}")

    def replace_database(self) -> None:
        """Upload the database; the old object stays until the upload is complete."""
        self.store.put_file("ooo.duckdb", self.disk.database)

    def replace_current(self, generation: Generation) -> None:
        """Copy one file per table within the store."""
        newest = generation.flat_files()
        for file in newest:
            self.store.copy(f"generations/{generation.name}/{file}", f"current/{file}")
        stale = set(self.store.list_sizes("current")) - set(newest)
        self.store.remove([f"current/{file}" for file in sorted(stale)])

    def replace_calendars(self, generation: Generation) -> None:
        """Copy each file within the store."""
        feeds = generation.feeds()
        for feed in feeds:
            self.store.copy(f"generations/{generation.name}/{CALENDARS}/{feed}", f"{CALENDARS}/{feed}")
        stale = set(self.store.list_sizes(CALENDARS)) - set(feeds)
        self.store.remove([f"{CALENDARS}/{feed}" for feed in sorted(stale)])

    def read_pointer(self) -> str | None:
        """Read the object."""
        name: str | None = _read_key(partial(self.store.read, "current.json"), "generation")
        return name

    def write_pointer(self, pointer: Mapping[str, Any]) -> None:
        """Replace the object."""
        self.store.put_bytes("current.json", json.dumps(pointer, indent=2).encode() + b"\n")

    def remove_generations(self, newest: str, keep: int, *, former: str | None) -> None:
        """Remove also the uploads that were never finished."""
        complete = self.store.list_folders("generations", marker=MANIFEST)
        shown = {
            name: _read_key(partial(self.store.read, f"generations/{name}/{MANIFEST}"), "personal_columns")
            for name in complete
        }
        kept = (
            set(complete)
            - set(generations_to_prune(complete, newest, keep, former=former))
            - generations_showing_more(shown, newest)
        )
        for name in set(self.store.list_folders("generations")) - kept:
            self.store.remove_folder(f"generations/{name}", marker=MANIFEST)
        for table in self.store.list_folders("delta"):
            for name in set(self.store.list_folders(f"delta/{table}")) - kept - {DELTA_LOG}:
                self.store.remove_folder(f"delta/{table}/{name}")

    def remove_delta_table(self, name: str) -> None:
        """Remove every object of the table."""
        self.store.remove_folder(f"delta/{name}")

    def remove_delta_tables(self, besides: Iterable[str]) -> None:
        """Remove every object of the tables."""
        for table in set(self.store.list_folders("delta")) - set(besides):
            self.store.remove_folder(f"delta/{table}")
