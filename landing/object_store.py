"""Folders in object storage: s3://, gs://, az:// and file:// (a shared disk) alike.

    landings = ObjectStore("s3://bucket/prefix")
    landings.put_folder("landing/run-1", Path("landing/run-1"), marker="done.json")   # the marker goes last
    landings.list_folders("landing", marker="done.json")                              # ['run-1']: whole ones
    landings.fetch_folder("landing/run-1", Path("fetched/run-1"), marker="done.json")
    landings.remove_folder("landing/run-1", marker="done.json")                       # the marker goes first

A folder is there for readers when its marker is: whoever lists by marker sees whole folders or none, however
an upload ended. Each object appears whole or not at all; that is the stores' own promise, for big files
in parts as well. An upload that is repeated sends only what is not there yet.

Credentials and endpoints come from the environment, under the names that the clouds' own tools use
(AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, GOOGLE_SERVICE_ACCOUNT, AZURE_STORAGE_ACCOUNT_NAME, …); requests are
repeated with growing pauses, five times within a minute. What fails is an `ObjectStoreError`.
"""

import contextlib
import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from landing.errors import ObjectStoreError
from landing.files import TEMPORARY_PREFIX

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Store

SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "file")
PART_BYTES = 8 * 2**20
"""Files beyond it travel in parts of it."""

AT_ONCE = 4
"""Files under way at once; with two parts each at most, an upload holds 64 MB."""


class ObjectStore:
    """What lies under one URL, by names relative to it, with `/` between folders."""

    def __init__(self, url: str) -> None:
        """Nothing is asked of the store yet; `ObjectStoreError` if `url` can't be one."""
        self.url = url.rstrip("/")
        if not any(url.startswith(f"{scheme}://") for scheme in SCHEMES):
            message = f"{_redacted(url)}: expected a URL that starts with s3://, gs://, az:// or file:///"
            raise ObjectStoreError(message)
        with self._explaining("open"):
            self._store = _open_store(self.url)

    def list_sizes(self, folder: str = "") -> dict[str, int]:
        """The bytes of every object in `folder`, however deep, by its name relative to that folder."""
        return {name: size for name, (size, _) in self._list(folder).items()}

    def list_folders(self, folder: str = "", *, marker: str | None = None) -> list[str]:
        """The folders right within `folder`, sorted; with `marker`, only those that hold it."""
        with self._explaining("list", folder):
            found = self._store.list_with_delimiter(folder or None)["common_prefixes"]
            names = sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in found)
            return [name for name in names if marker is None or self._exists(f"{folder}/{name}/{marker}")]

    def read(self, name: str) -> bytes | None:
        """The object's bytes; None if there is no such object."""
        with self._explaining("read", name):
            try:
                return bytes(self._store.get(name).bytes())
            except FileNotFoundError:
                return None

    def put_bytes(self, name: str, content: bytes) -> None:
        """The object holds `content`; a reader meanwhile got the old one or gets this."""
        with self._explaining("write", name):
            self._store.put(name, content)

    def put_file(self, name: str, path: Path) -> None:
        """The object holds what the file does, and has its size; in parts if it is big."""
        with self._explaining("write", name):
            self._put_file(name, path)
            self._check_sizes({name: path.stat().st_size}, {name: self._store.head(name)["size"]})

    def copy(self, name: str, to: str) -> None:
        """The object `to` holds what the object `name` does; nothing travels."""
        with self._explaining("copy", name):
            self._store.copy(name, to)

    def put_folder(self, name: str, folder: Path, *, marker: str) -> int:
        """Every file in `folder` is there with its size, then its `marker`. Return how many were sent.

        What the store already has is not sent again, if its size and checksum say that it is the same.
        """
        files = _files_in(folder)
        last = files.pop(marker)
        there = self._list(name)
        missing = {one: path for one, path in files.items() if not _is_same(there.get(one), path)}
        with self._explaining("write", name):
            _at_once(lambda one: self._put_file(f"{name}/{one}", missing[one]), missing)
            found = {one: size for one, (size, _) in self._list(name).items()}
            self._check_sizes({one: path.stat().st_size for one, path in files.items()}, found)
            self._store.put(f"{name}/{marker}", last.read_bytes())
        return len(missing) + 1

    def fetch_folder(self, name: str, folder: Path, *, marker: str) -> None:
        """`folder` holds every object of the marked folder `name`, or, if that fails, does not exist."""
        sizes = self.list_sizes(name)
        if marker not in sizes:
            message = f"{self._place(name)} has no {marker}: it was never finished, or it is being removed"
            raise ObjectStoreError(message)
        aside = folder.with_name(f"{TEMPORARY_PREFIX}{folder.name}")
        shutil.rmtree(aside, ignore_errors=True)
        with self._explaining("fetch", name):
            _at_once(lambda one: self._fetch(f"{name}/{one}", aside / one, sizes[one]), sizes)
            aside.rename(folder)

    def remove(self, names: list[str]) -> None:
        """None of these objects, which are there, is there any more."""
        with self._explaining("remove"):
            if names:
                self._store.delete(names)

    def remove_folder(self, name: str, *, marker: str | None = None) -> None:
        """Nothing is left under `name`; no reader takes what is left meanwhile for a whole folder."""
        names = self.list_sizes(name)
        if marker in names:
            self.remove([f"{name}/{marker}"])
        self.remove([f"{name}/{one}" for one in names if one != marker])

    def _list(self, folder: str) -> dict[str, tuple[int, str | None]]:
        prefix = f"{folder}/" if folder else ""
        with self._explaining("list", folder):
            return {
                one["path"].removeprefix(prefix): (one["size"], one["e_tag"])
                for one in self._store.list(folder or None).collect()
            }

    def _exists(self, name: str) -> bool:
        try:
            self._store.head(name.lstrip("/"))
        except FileNotFoundError:
            return False
        return True

    def _put_file(self, name: str, path: Path) -> None:
        self._store.put(name, path, chunk_size=PART_BYTES, max_concurrency=2)

    def _fetch(self, name: str, path: Path, size: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, size, PART_BYTES):
                end = min(start + PART_BYTES, size)
                file.write(self._store.get_range(name, start=start, end=end))

    def _check_sizes(self, expected: dict[str, int], found: dict[str, int]) -> None:
        for name, size in expected.items():
            if found.get(name) != size:
                message = f"{self._place(name)}: sent {size} bytes, the store has {found.get(name, 'none')}"
                raise ObjectStoreError(message)

    def _place(self, name: str) -> str:
        return _redacted(f"{self.url}/{name}".rstrip("/"))

    @contextlib.contextmanager
    def _explaining(self, verb: str, name: str = "") -> Iterator[None]:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - only who publishes to a URL pays for it

        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            message = f"can't {verb} {self._place(name)}: {_explain(error)}"
            raise ObjectStoreError(message) from None  # the whole error can hold a token of the URL


def _open_store(url: str) -> "Store":
    from obstore.store import from_url  # noqa: PLC0415 - as above

    if url.startswith("file://"):
        return from_url(url, mkdir=True, automatic_cleanup=True)
    return from_url(
        url,
        retry_config={
            "max_retries": 5,
            "retry_timeout": timedelta(minutes=1),
            "backoff": {
                "init_backoff": timedelta(milliseconds=200),
                "max_backoff": timedelta(seconds=10),
                "base": 2,
            },
        },
    )


def _files_in(folder: Path) -> dict[str, Path]:
    """Every finished file in `folder`, however deep, by its name relative to it."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path for name, path in named.items() if not f"/{name}".count(f"/{TEMPORARY_PREFIX}")}


def _is_same(there: tuple[int, str | None] | None, path: Path) -> bool:
    """True if the store's checksum is the one that S3 gives to this file; never true by the size alone."""
    if there is None or there[0] != path.stat().st_size:
        return False
    with path.open("rb") as file:
        parts = iter(lambda: file.read(PART_BYTES), b"")
        digests = [hashlib.md5(part, usedforsecurity=False).digest() for part in parts]
    whole = hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()
    checksum = f"{whole}-{len(digests)}" if len(digests) > 1 else b"".join(digests).hex()
    return checksum == (there[1] or "").strip('"')


def _at_once(work: Callable[[str], None], names: Iterable[str]) -> None:
    """`work` is done for each name, several at once; the first error ends it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(work, name) for name in names]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _explain(error: Exception) -> str:
    """What the store said, in a line, without what could be secret; and what to do about it."""
    text = str(error).partition("\n\nDebug source")[0]
    code = re.search(r"<Code>(\w+)</Code>.*?<Message>([^<]*)", text, re.DOTALL)
    said = f"{code[1]}: {code[2]}" if code else text.partition("\n")[0]
    if "builder error" in text:
        return f"{_redacted(said)}; for an endpoint without TLS set AWS_ALLOW_HTTP=true"
    return (
        f"{_redacted(said)[:300]}. Check the URL, the bucket, the credentials"
        " in the environment and their permissions, then run again"
    )


def _redacted(text: str) -> str:
    """`text` without the query strings of its URLs, where tokens are, and without user:password@."""
    return re.sub(r"\?[^\s\"')]+", "?…", re.sub(r"(?<=://)[^/@\s]+@", "…@", text))
