"""Folders in object storage (here on the disk): complete or not listed."""

from pathlib import Path

import pytest

from landing.errors import ObjectStoreError
from landing.files import TEMPORARY_PREFIX, temporary_path
from landing.object_store import ObjectStore

MARKER = "done.json"
FILES = {
    "a.parquet": b"a" * 10,
    "year=2026/month=1/b.parquet": b"b" * 20,
    "empty.parquet": b"",
    MARKER: b"{}",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "folder" / f"{TEMPORARY_PREFIX}half").write_bytes(b"half")
    return tmp_path / "folder"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/store")


def test_a_fetched_folder_has_the_files_that_were_put(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    store.put_folder("runs/1", folder, marker=MARKER)
    store.fetch_folder("runs/1", tmp_path / "fetched", marker=MARKER)
    fetched = {
        path.relative_to(tmp_path / "fetched").as_posix(): path.read_bytes()
        for path in (tmp_path / "fetched").rglob("*")
        if path.is_file()
    }
    assert fetched == FILES
    assert store.list_sizes("runs/1") == {name: len(content) for name, content in FILES.items()}


def test_a_folder_without_its_marker_is_not_listed_and_not_fetched(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    store.put_folder("runs/1", folder, marker=MARKER)
    store.put_bytes("runs/2/a.parquet", b"a")
    assert store.list_folders("runs") == ["1", "2"]
    assert store.list_folders("runs", marker=MARKER) == ["1"]
    with pytest.raises(ObjectStoreError, match=r"runs/2 has no done\.json"):
        store.fetch_folder("runs/2", tmp_path / "fetched", marker=MARKER)
    assert not (tmp_path / "fetched").exists()


def test_removing_a_folder_removes_all_its_objects_and_keeps_other_folders(
    store: ObjectStore, folder: Path
) -> None:
    store.put_folder("runs/1", folder, marker=MARKER)
    store.put_folder("runs/10", folder, marker=MARKER)
    store.remove_folder("runs/1", marker=MARKER)
    assert store.list_sizes("runs/1") == {}
    assert store.list_folders("runs", marker=MARKER) == ["10"]
    store.remove_folder("runs/1", marker=MARKER)


def test_reading_a_missing_object_returns_none(store: ObjectStore) -> None:
    assert store.read("current.json") is None
    store.put_bytes("current.json", b"{}")
    assert store.read("current.json") == b"{}"
    assert store.list_folders("nowhere") == []


def test_a_file_replaces_the_object_of_the_same_name(store: ObjectStore, folder: Path) -> None:
    store.put_bytes("current/a.parquet", b"old")
    store.put_file("current/a.parquet", folder / "a.parquet")
    assert store.read("current/a.parquet") == FILES["a.parquet"]


def test_a_fetch_ignores_the_files_of_an_earlier_killed_fetch(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    store.put_folder("runs/1", folder, marker=MARKER)
    leftover = temporary_path(tmp_path / "fetched")
    leftover.mkdir()
    (leftover / "stale.parquet").write_bytes(b"half")
    store.fetch_folder("runs/1", tmp_path / "fetched", marker=MARKER)
    assert not (tmp_path / "fetched" / "stale.parquet").exists()


@pytest.mark.parametrize("url", ["/tmp/bucket", "bucket", "memory:///", "ftp://host/x", "s3://", "s3:///x"])  # noqa: S108
def test_a_url_that_is_not_one_of_a_store_is_refused(url: str) -> None:
    with pytest.raises(ObjectStoreError, match=r"expected a URL|Unable to recognise"):
        ObjectStore(url)


def test_an_error_names_the_url_without_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ObjectStoreError, match="can't open file://") as raised:
        ObjectStore(f"file://{tmp_path}/file/store")
    assert "Debug source" not in str(raised.value)
    with pytest.raises(ObjectStoreError) as raised:
        ObjectStore("ftp://user:hunter2@host/x?sig=token")
    assert "hunter2" not in str(raised.value)
    assert "token" not in str(raised.value)
