"""A full or read-only disk: a clear error, no lost row, and a next run that needs no repair."""

from pathlib import Path

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.program import run_ooo
from tests.support.truth import assert_equals_truth


@pytest.mark.slow
@pytest.mark.parametrize("free_kilobytes", [None, 0, 50, 400, 1500])
def test_a_full_disk_is_a_clear_error_and_loses_no_row(free_kilobytes: int | None, tmp_path: Path) -> None:
    """No file may exceed the largest one by more than `free_kilobytes`; with None, not even a segment fits."""
    world = World.generate(people=60)
    entries, users = world.entries(), world.users()
    data_dir = tmp_path / "data"
    with serve(Simulator(world, limits=None)) as server:
        environment = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        assert run_ooo("sync", cwd=tmp_path, **environment).returncode == 0
        for user in users:
            for year in range(2030, 2060):
                world.add_entry(user["id"], f"{year}-03-03T00:00:00.000Z", f"{year}-07-04T23:59:59.999Z")
        largest = max(path.stat().st_size for path in data_dir.rglob("*") if path.is_file())
        most = 1024 if free_kilobytes is None else largest + 1024 * free_kilobytes
        refused = run_ooo("sync", cwd=tmp_path, max_file_bytes=most, **environment)
        assert refused.returncode == 15, refused.stderr
        assert "Traceback" not in refused.stderr
        assert refused.stderr.splitlines()[-1].startswith("error: ")
        assert "data" in refused.stderr.splitlines()[-1]
        assert_equals_truth(data_dir / "ooo.duckdb", entries, users)
        repeated = run_ooo("sync", cwd=tmp_path, **environment)
        assert repeated.returncode == 0, repeated.stderr
    assert_equals_truth(data_dir / "ooo.duckdb", world.entries(), world.users())


@pytest.mark.parametrize("folder", ["/proc/ooo", "file/below"])
def test_the_error_names_a_data_folder_that_cannot_be_written(folder: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    environment = {"CALCOM_API_URL": "http://127.0.0.1:9", "CALCOM_API_KEY": OWNER_KEY}
    refused = run_ooo("sync", cwd=tmp_path, OOO_DATA_DIR=folder, **environment)
    assert refused.returncode == 15
    assert folder in refused.stderr
    assert "OOO_DATA_DIR" in refused.stderr
    assert "Traceback" not in refused.stderr
