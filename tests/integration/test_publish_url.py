"""Publication to a bucket: the rows of the disk, and a complete generation however an upload ends."""

import hashlib
import io
import json
import os
import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import S3FileSystem

from landing.errors import ObjectStoreError
from landing.object_store import ObjectStore
from tests.support.buckets import Gate, environment_for
from tests.support.crash import PROCESSES, run_night
from tests.support.naive import Absence
from tests.support.warehouse import TABLES, audit_and_publish, load, new_warehouse, night, read_all
from warehouse.publish.generation import Layout

pytestmark = pytest.mark.slow

ABSENCES = tuple(
    Absence(number, number % 3 + 1, date(2025, 12, 20), date(2026, 1, number)) for number in range(1, 20)
)
ENTRIES = 60
KILLS = (1, 9, 16, 24, 32, 41)
"""The changes in the bucket before which the process is killed: files, manifest, Delta, current, pruning."""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with new_warehouse() as opened:
        load(opened, read_all(ABSENCES, at=night(1)))
        yield opened


def read_bucket(url: str) -> dict[str, Any]:
    """Read `current.json` and check everything that it names. Return the pointer and the manifest."""
    store = ObjectStore(url)
    pointer = json.loads(store.read("current.json") or b"")
    manifest = json.loads(store.read(pointer["manifest"]) or b"")
    for facts in manifest["tables"].values():
        for file in [facts, *facts.get("partitions", [])]:
            content = store.read(f"{pointer['folder']}/{file['file']}") or b""
            assert hashlib.sha256(content).hexdigest() == file["sha256"]
    for table in TABLES:
        rows = manifest["tables"][table.name]["rows"]
        current = store.read(f"current/{table.name}.parquet") or b""
        assert pq.read_table(io.BytesIO(current)).num_columns == len(table.columns)
        if "delta" in pointer:
            version = pointer["delta"][table.name]
            assert pl.read_delta(f"{url}/delta/{table.name}", version=version).height == rows
    return {"pointer": pointer, "manifest": manifest}


def test_the_bucket_has_the_rows_of_the_disk(
    bucket_url: str, connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for run_id in ("run-1", "run-2"):
        publication = audit_and_publish(
            connection, tmp_path, run_id, url=bucket_url, has_delta=True, layout=Layout.PARTITIONED
        )
    bucket = read_bucket(bucket_url)
    assert bucket["pointer"]["generation"] == "run-2"
    exports = tmp_path / "exports"
    manifest = (exports / "generations" / "run-2" / "manifest.json").read_text()
    assert bucket["manifest"] == json.loads(manifest)
    file_system = S3FileSystem(**arrow_options())
    for table in TABLES:
        expected = pl.read_parquet(publication.parquet_folder / f"{table.name}.parquet")
        path = bucket_url.removeprefix("s3://")
        arrow = pq.read_table(f"{path}/current/{table.name}.parquet", filesystem=file_system)
        assert expected.equals(pl.from_arrow(arrow))  # type: ignore[arg-type]
        delta = pl.read_delta(f"{bucket_url}/delta/{table.name}")
        assert delta.select(expected.columns).sort(table.key).equals(expected)
    assert ObjectStore(bucket_url).read("ooo.duckdb") == (tmp_path / "ooo.duckdb").read_bytes()


def arrow_options() -> dict[str, Any]:
    """Return the address and the key of the bucket's server in the form of pyarrow."""
    return {
        "region": os.environ["AWS_REGION"],
        "endpoint_override": os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"),
        "scheme": "http",
        "access_key": os.environ["AWS_ACCESS_KEY_ID"],
        "secret_key": os.environ["AWS_SECRET_ACCESS_KEY"],
    }


def test_old_generations_are_pruned_by_count_in_the_bucket_too(
    bucket_url: str, connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    store = ObjectStore(bucket_url)
    store.put_bytes("generations/run-0/half.parquet", b"of an upload that was killed")
    store.put_bytes("current/dim_gone.parquet", b"of an older version")
    for number in (1, 2, 3):
        audit_and_publish(
            connection, tmp_path, f"run-{number}", url=bucket_url, has_delta=True, keep_generations=2
        )
    assert store.list_folders("generations") == ["run-2", "run-3"]
    assert store.list_folders("delta/runs") == ["_delta_log", "run-2", "run-3"]
    assert "dim_gone.parquet" not in store.list_sizes("current")
    audit_and_publish(connection, tmp_path, "run-4", url=bucket_url, has_delta=True, keep_generations=1)
    assert store.list_folders("generations") == ["run-4"]
    assert store.list_folders("delta/runs") == ["_delta_log", "run-4"]
    read_bucket(bucket_url)
    audit_and_publish(connection, tmp_path, "run-5", url=bucket_url)
    assert store.list_folders("delta") == []


def test_a_failing_store_leaves_both_publications_complete_and_the_next_run_repairs_it(
    bucket_url: str,
    s3_endpoint: str,
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    audit_and_publish(connection, tmp_path, "run-1", url=bucket_url)
    with Gate(s3_endpoint, stop_at=5, on_stop=lambda: None) as gate, monkeypatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", gate.address)
        with pytest.raises(ObjectStoreError, match=r"run-2 is published on the disk, but not at the URL"):
            audit_and_publish(connection, tmp_path, "run-2", url=bucket_url)
    assert json.loads((tmp_path / "exports" / "current.json").read_text())["generation"] == "run-2"
    assert read_bucket(bucket_url)["pointer"]["generation"] == "run-1"
    audit_and_publish(connection, tmp_path, "run-3", url=bucket_url)
    assert read_bucket(bucket_url)["pointer"]["generation"] == "run-3"
    assert ObjectStore(bucket_url).list_folders("generations") == ["run-1", "run-3"]


def test_a_killed_upload_leaves_a_complete_generation_in_the_bucket(
    bucket_url: str, s3_endpoint: str, tmp_path: Path
) -> None:
    policy = {"url": bucket_url, "has_delta": True, "keep_generations": 2}
    publish_in_a_process(tmp_path, s3_endpoint, 1, None, policy)
    kills = 0
    for step in KILLS:
        kills += publish_in_a_process(tmp_path, s3_endpoint, 2, step, policy)
        read_bucket(bucket_url)
    assert kills > 3
    publish_in_a_process(tmp_path, s3_endpoint, 2, None, policy)
    pointer = read_bucket(bucket_url)["pointer"]
    local = json.loads((tmp_path / "exports" / "current.json").read_text())
    assert pointer["generation"] == local["generation"]
    complete = ObjectStore(bucket_url).list_folders("generations", marker="manifest.json")
    assert ObjectStore(bucket_url).list_folders("generations") == complete
    assert len(complete) <= 2


def publish_in_a_process(
    data_dir: Path, endpoint: str, number: int, step: int | None, policy: dict[str, Any]
) -> bool:
    """Publish in a process that is killed at its `step`th change in the bucket. Return True if it was killed."""
    children: list[Any] = []
    with Gate(endpoint, stop_at=step, on_stop=lambda: [child.kill() for child in children]) as gate:
        options = {"environment": environment_for(gate.address), **policy}
        child = PROCESSES.Process(
            target=run_night, args=(data_dir, number, ENTRIES), kwargs=options, daemon=True
        )
        children.append(child)
        child.start()
        child.join(120)
    assert child.exitcode == (-signal.SIGKILL if gate.is_stopped else 0)
    return gate.is_stopped
