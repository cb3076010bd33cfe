"""Folders in a bucket behind a server that speaks S3."""

import os
from pathlib import Path

import pytest

from landing.errors import ObjectStoreError
from landing.object_store import PART_BYTES, Objects

pytestmark = pytest.mark.slow

MARKER = "done.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder" / "year=2026").mkdir(parents=True)
    (tmp_path / "folder" / "year=2026" / "big.parquet").write_bytes(os.urandom(2 * PART_BYTES + 7))
    (tmp_path / "folder" / "small.parquet").write_bytes(b"small")
    (tmp_path / "folder" / MARKER).write_text("{}")
    return tmp_path / "folder"


def test_a_folder_comes_back_from_a_bucket_as_it_went(bucket_url: str, folder: Path, tmp_path: Path) -> None:
    objects = Objects(bucket_url)
    assert objects.put_folder("runs/1", folder, marker=MARKER) == 3
    objects.fetch_folder("runs/1", tmp_path / "back", marker=MARKER)
    for path in folder.rglob("*.*"):
        assert (tmp_path / "back" / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_an_upload_that_is_repeated_sends_only_what_is_missing_or_other(
    bucket_url: str, folder: Path
) -> None:
    objects = Objects(bucket_url)
    objects.put_folder("runs/1", folder, marker=MARKER)
    assert objects.put_folder("runs/1", folder, marker=MARKER) == 1, "the marker alone"
    objects.put_bytes("runs/1/small.parquet", b"other")
    assert objects.put_folder("runs/1", folder, marker=MARKER) == 2
    assert objects.read("runs/1/small.parquet") == b"small"


def test_a_removed_folder_leaves_its_neighbours_alone(bucket_url: str, folder: Path) -> None:
    objects = Objects(bucket_url)
    for name in ("runs/1", "runs/10"):
        objects.put_folder(name, folder, marker=MARKER)
    objects.remove_folder("runs/1", marker=MARKER)
    assert objects.list_folders("runs") == ["10"]


def test_a_bucket_that_is_not_there_is_named(bucket_url: str, folder: Path) -> None:
    missing = Objects(bucket_url.replace("//", "//no-"))
    with pytest.raises(ObjectStoreError, match=r"NoSuchBucket.*Check the URL"):
        missing.put_folder("runs/1", folder, marker=MARKER)


def test_an_endpoint_without_tls_needs_consent(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(ObjectStoreError, match="set AWS_ALLOW_HTTP=true"):
        Objects(bucket_url).read("current.json")


def test_a_server_that_is_not_there_is_an_error_without_the_key(
    bucket_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ObjectStoreError, match="can't read s3://") as raised:
        Objects(bucket_url).read("current.json")
    assert "invented-secret" not in str(raised.value)
