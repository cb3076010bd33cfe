"""Folders in object storage: s3://, gs://, az:// and file:// (a shared disk).

    store = ObjectStore("s3://bucket/prefix")
    store.put_folder("landing/run-1", Path("landing/run-1"), marker="done.json")   # uploads the marker last
    store.list_folders("landing", marker="done.json")                              # ['run-1']: complete folders
    store.fetch_folder("landing/run-1", Path("fetched/run-1"), marker="done.json")
    store.remove_folder("landing/run-1", marker="done.json")                       # removes the marker first

The marker is a file that makes a folder complete: a list by marker has only complete folders, however an upload
ended. The stores themselves promise that each object appears as a whole, also if it is uploaded in parts. A
repeated upload sends only the files that the store lacks.

Credentials and endpoints come from the environment, under the names that the tools of the clouds use
(AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, GOOGLE_SERVICE_ACCOUNT, AZURE_STORAGE_ACCOUNT_NAME, …). A request is repeated
up to five times within a minute, with growing pauses. A failure is raised as `ObjectStoreError`.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from landing.errors import ObjectStoreError
from landing.files import TEMPORARY_PREFIX, build_atomically

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Store

SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "file")
PART_BYTES = 8 * 2**20
"""The size of a part; larger files are sent and fetched in parts."""

PARALLEL_FILES = 4
"""The number of files in transfer at the same time; with up to two parts each, an upload holds 64 MB."""


class ObjectStore:
    """The objects under one URL, by their names relative to it, with `/` between folders."""

    def __init__(self, url: str) -> None:
        """Open the store without a request. Raise `ObjectStoreError` if `url` is not one of a store."""
        self.url = url.rstrip("/")
        if not any(url.startswith(f"{scheme}://") for scheme in SCHEMES):
            message = f"{_redact(url)}: expected a URL that starts with s3://, gs://, az:// or file:///"
            raise ObjectStoreError(message)
        with self._explaining("open"):
            self._store = _open_store(self.url)

    def list_sizes(self, folder: str = "") -> dict[str, int]:
        """Return the size in bytes of every object in `folder` and below, by its name relative to `folder`."""
        return {name: size for name, (size, _) in self._list(folder).items()}

    def list_folders(self, folder: str = "", *, marker: str | None = None) -> list[str]:
        """Return the names of the folders directly in `folder`, sorted; with `marker`, only those that hold it."""
        with self._explaining("list", folder):
            prefixes = self._store.list_with_delimiter(folder or None)["common_prefixes"]
            names = sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in prefixes)
            return [name for name in names if marker is None or self._exists(f"{folder}/{name}/{marker}")]

    def read(self, name: str) -> bytes | None:
        """Return the content of the object; None if it does not exist."""
        with self._explaining("read", name):
            try:
                return bytes(self._store.get(name).bytes())
            except FileNotFoundError:
                return None

    def put_bytes(self, name: str, content: bytes) -> None:
        """Write `content` to the object; other programs read the old content or the new one."""
        with self._explaining("write", name):
            self._store.put(name, content)

    def put_file(self, name: str, path: Path) -> None:
        """Upload the file to the object, in parts if it is large, and check its size."""
        with self._explaining("write", name):
            self._put_file(name, path)
            self._check_sizes({name: path.stat().st_size}, {name: self._store.head(name)["size"]})

    def copy(self, source: str, target: str) -> None:
        """Copy the object `source` to the object `target` within the store."""
        with self._explaining("copy", source):
            self._store.copy(source, target)

    def put_folder(self, name: str, folder: Path, *, marker: str) -> int:
        """Upload every file in `folder`, then its `marker`. Return the number of files sent.

        A file is not sent again if the store has an object of the same size and checksum.
        """
        files = _files_in(folder)
        marker_path = files.pop(marker)
        stored = self._list(name)
        missing = {file: path for file, path in files.items() if not _is_same(stored.get(file), path)}
        with self._explaining("write", name):
            _for_each(missing, lambda file: self._put_file(f"{name}/{file}", missing[file]))
            sizes = {file: size for file, (size, _) in self._list(name).items()}
            self._check_sizes({file: path.stat().st_size for file, path in files.items()}, sizes)
            self._store.put(f"{name}/{marker}", marker_path.read_bytes())
        return len(missing) + 1

    def fetch_folder(self, name: str, folder: Path, *, marker: str) -> None:
        """Download every object of the marked folder `name` to `folder`, which appears when it is complete."""
        sizes = self.list_sizes(name)
        if marker not in sizes:
            message = f"{self._describe(name)} has no {marker}: its upload or its removal is not finished"
            raise ObjectStoreError(message)
        with self._explaining("fetch", name), build_atomically(folder) as temporary:
            _for_each(sizes, lambda file: self._fetch(f"{name}/{file}", temporary / file, sizes[file]))

    def remove(self, names: list[str]) -> None:
        """Remove these objects, which must exist."""
        with self._explaining("remove"):
            if names:
                self._store.delete(names)

    def remove_folder(self, name: str, *, marker: str | None = None) -> None:
        """Remove every object under `name`, the marker first, so that the rest never counts as complete."""
        names = self.list_sizes(name)
        if marker in names:
            self.remove([f"{name}/{marker}"])
        self.remove([f"{name}/{file}" for file in names if file != marker])

    def _list(self, folder: str) -> dict[str, tuple[int, str | None]]:
        prefix = f"{folder}/" if folder else ""
        with self._explaining("list", folder):
            return {
                item["path"].removeprefix(prefix): (item["size"], item["e_tag"])
                for item in self._store.list(folder or None).collect()
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

    def _check_sizes(self, sent: dict[str, int], stored: dict[str, int]) -> None:
        for name, size in sent.items():
            if stored.get(name) != size:
                stored_size = stored.get(name, "none")
                message = f"{self._describe(name)}: sent {size} bytes, the store has {stored_size}; run again"
                raise ObjectStoreError(message)

    def _describe(self, name: str) -> str:
        return _redact(f"{self.url}/{name}".rstrip("/"))

    @contextlib.contextmanager
    def _explaining(self, verb: str, name: str = "") -> Iterator[None]:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - only a run with a URL needs it

        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            message = f"can't {verb} {self._describe(name)}: {_explain(error)}"
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
    """Return the files in `folder` and below, without temporary ones, by their names relative to `folder`."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path for name, path in files.items() if f"/{TEMPORARY_PREFIX}" not in f"/{name}"}


def _is_same(stored: tuple[int, str | None] | None, path: Path) -> bool:
    """Return True if the stored size and checksum are those that S3 gives to this file."""
    if stored is None or stored[0] != path.stat().st_size:
        return False
    with path.open("rb") as file:
        parts = iter(lambda: file.read(PART_BYTES), b"")
        digests = [hashlib.md5(part, usedforsecurity=False).digest() for part in parts]
    whole = hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()
    checksum = f"{whole}-{len(digests)}" if len(digests) > 1 else b"".join(digests).hex()
    return checksum == (stored[1] or "").strip('"')


def _for_each(names: Iterable[str], transfer: Callable[[str], None]) -> None:
    """Call `transfer` for each name, several at a time, and stop at the first error."""
    with ThreadPoolExecutor(PARALLEL_FILES) as pool:
        futures = [pool.submit(transfer, name) for name in names]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _explain(error: Exception) -> str:
    """Return the store's error in one line, without secrets, and the way to correct it."""
    text = str(error).partition("\n\nDebug source")[0]
    code = re.search(r"<Code>(\w+)</Code>.*?<Message>([^<]*)", text, re.DOTALL)
    reason = _redact(f"{code[1]}: {code[2]}" if code else text.partition("\n")[0])
    if "builder error" in text:
        return f"{reason}; for an endpoint without TLS set AWS_ALLOW_HTTP=true"
    return (
        f"{reason[:300]}. Check the URL, the bucket, the credentials"
        " in the environment and their permissions, then run again"
    )


def _redact(text: str) -> str:
    """Remove query strings, which can hold tokens, and `user:password@` from the URLs in `text`."""
    return re.sub(r"\?[^\s\"')]+", "?…", re.sub(r"(?<=://)[^/@\s]+@", "…@", text))
