"""Folders in object storage, on the disk: whole or not there, and no name leads out of a folder."""

from pathlib import Path

import pytest

from landing.errors import ObjectStoreError
from landing.files import TEMPORARY_PREFIX
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
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/there")


def test_a_folder_comes_back_as_it_went(objects: ObjectStore, folder: Path, tmp_path: Path) -> None:
    objects.put_folder("runs/1", folder, marker=MARKER)
    objects.fetch_folder("runs/1", tmp_path / "back", marker=MARKER)
    back = {
        path.relative_to(tmp_path / "back").as_posix(): path.read_bytes()
        for path in (tmp_path / "back").rglob("*")
        if path.is_file()
    }
    assert back == FILES
    assert objects.list_sizes("runs/1") == {name: len(content) for name, content in FILES.items()}


def test_a_folder_without_its_marker_is_not_listed_and_not_fetched(
    objects: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    objects.put_folder("runs/1", folder, marker=MARKER)
    objects.put_bytes("runs/2/a.parquet", b"a")
    assert objects.list_folders("runs") == ["1", "2"]
    assert objects.list_folders("runs", marker=MARKER) == ["1"]
    with pytest.raises(ObjectStoreError, match=r"runs/2 has no done\.json"):
        objects.fetch_folder("runs/2", tmp_path / "back", marker=MARKER)
    assert not (tmp_path / "back").exists()


def test_a_removed_folder_leaves_nothing_and_its_neighbours_alone(objects: ObjectStore, folder: Path) -> None:
    objects.put_folder("runs/1", folder, marker=MARKER)
    objects.put_folder("runs/10", folder, marker=MARKER)
    objects.remove_folder("runs/1", marker=MARKER)
    assert objects.list_sizes("runs/1") == {}
    assert objects.list_folders("runs", marker=MARKER) == ["10"]
    objects.remove_folder("runs/1", marker=MARKER)


def test_an_object_that_is_not_there_reads_as_none(objects: ObjectStore) -> None:
    assert objects.read("current.json") is None
    objects.put_bytes("current.json", b"{}")
    assert objects.read("current.json") == b"{}"
    assert objects.list_folders("nowhere") == []


def test_a_file_replaces_the_object_of_its_name(objects: ObjectStore, folder: Path) -> None:
    objects.put_bytes("current/a.parquet", b"old")
    objects.put_file("current/a.parquet", folder / "a.parquet")
    assert objects.read("current/a.parquet") == FILES["a.parquet"]


def test_a_fetch_that_was_killed_before_is_no_trouble(
    objects: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    objects.put_folder("runs/1", folder, marker=MARKER)
    (tmp_path / f"{TEMPORARY_PREFIX}back").mkdir()
    (tmp_path / f"{TEMPORARY_PREFIX}back" / "stale.parquet").write_bytes(b"half")
    objects.fetch_folder("runs/1", tmp_path / "back", marker=MARKER)
    assert not (tmp_path / "back" / "stale.parquet").exists()


@pytest.mark.parametrize("url", ["/tmp/bucket", "bucket", "memory:///", "ftp://host/x", "s3://", "s3:///x"])  # noqa: S108
def test_what_is_no_url_of_a_store_is_refused(url: str) -> None:
    with pytest.raises(ObjectStoreError, match=r"expected a URL|Unable to recognise"):
        ObjectStore(url)


def test_an_error_names_the_place_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ObjectStoreError, match="can't open file://") as raised:
        ObjectStore(f"file://{tmp_path}/file/there")
    assert "Debug source" not in str(raised.value)
    with pytest.raises(ObjectStoreError) as raised:
        ObjectStore("ftp://user:hunter2@host/x?sig=token")
    assert "hunter2" not in str(raised.value)
    assert "token" not in str(raised.value)
