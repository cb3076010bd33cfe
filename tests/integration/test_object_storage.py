"""Folders in a bucket of a server with the S3 protocol."""

import os
from pathlib import Path

import pytest

from landing.errors import ObjectStoreError
from landing.object_store import PART_BYTES, ObjectStore

pytestmark = pytest.mark.slow

MARKER = "done.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder" / "year=2026").mkdir(parents=True)
    (tmp_path / "folder" / "year=2026" / "big.parquet").write_bytes(os.urandom(2 * PART_BYTES + 7))
    (tmp_path / "folder" / "small.parquet").write_bytes(b"small")
    (tmp_path / "folder" / MARKER).write_text("{}")
    return tmp_path / "folder"


def test_a_fetched_folder_has_the_files_that_were_put(bucket_url: str, folder: Path, tmp_path: Path) -> None:
    store = ObjectStore(bucket_url)
    assert store.put_folder("runs/1", folder, marker=MARKER) == 3
    store.fetch_folder("runs/1", tmp_path / "fetched", marker=MARKER)
    for path in folder.rglob("*.*"):
        assert (tmp_path / "fetched" / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_a_repeated_upload_sends_only_missing_and_changed_files(bucket_url: str, folder: Path) -> None:
    store = ObjectStore(bucket_url)
    store.put_folder("runs/1", folder, marker=MARKER)
    assert store.put_folder("runs/1", folder, marker=MARKER) == 1, "only the marker"
    store.put_bytes("runs/1/small.parquet", b"other")
    assert store.put_folder("runs/1", folder, marker=MARKER) == 2
    assert store.read("runs/1/small.parquet") == b"small"


def test_removing_a_folder_keeps_other_folders(bucket_url: str, folder: Path) -> None:
    store = ObjectStore(bucket_url)
    for name in ("runs/1", "runs/10"):
        store.put_folder(name, folder, marker=MARKER)
    store.remove_folder("runs/1", marker=MARKER)
    assert store.list_folders("runs") == ["10"]


def test_the_error_names_a_bucket_that_does_not_exist(bucket_url: str, folder: Path) -> None:
    missing = ObjectStore(bucket_url.replace("//", "//no-"))
    with pytest.raises(ObjectStoreError, match=r"NoSuchBucket.*Check the URL"):
        missing.put_folder("runs/1", folder, marker=MARKER)


def test_an_endpoint_without_tls_needs_a_setting(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(ObjectStoreError, match="set AWS_ALLOW_HTTP=true"):
        ObjectStore(bucket_url).read("current.json")


def test_the_error_of_an_unreachable_server_does_not_contain_the_key(
    bucket_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ObjectStoreError, match="can't read s3://") as raised:
        ObjectStore(bucket_url).read("current.json")
    assert "invented-secret" not in str(raised.value)
