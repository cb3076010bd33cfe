"""A disk that refuses: a clear error, nothing lost, and the next run needs no help."""

from pathlib import Path

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.program import run_ooo
from tests.support.truth import assert_equals_truth


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [1, 8, 60, 300, 900, 1500, 3000])
def test_a_full_disk_is_a_clear_error_and_loses_nothing(kilobytes: int, tmp_path: Path) -> None:
    world = World.generate(people=60)
    entries, users = world.entries(), world.users()
    database = tmp_path / "data" / "ooo.duckdb"
    with serve(Simulator(world, limits=None)) as server:
        environment = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        assert run_ooo("sync", cwd=tmp_path, **environment).returncode == 0
        for user in users:
            world.add_entry(user["id"], "2031-03-03T00:00:00.000Z", "2031-04-04T23:59:59.999Z")
        full = run_ooo("sync", cwd=tmp_path, max_file_bytes=1024 * kilobytes, **environment)
        assert full.returncode in {0, 15}, full.stderr
        assert "Traceback" not in full.stderr
        if full.returncode:
            assert full.stderr.splitlines()[-1].startswith("error: ")
            assert str(tmp_path / "data") in full.stderr or "data" in full.stderr
            assert_equals_truth(database, entries, users)
        mended = run_ooo("sync", cwd=tmp_path, **environment)
        assert mended.returncode == 0, mended.stderr
    assert_equals_truth(database, world.entries(), world.users())


@pytest.mark.parametrize("refusing", ["/proc/ooo", "file/below"])
def test_a_folder_that_can_not_be_written_is_named(refusing: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    environment = {"CALCOM_API_URL": "http://127.0.0.1:9", "CALCOM_API_KEY": OWNER_KEY}
    refused = run_ooo("sync", cwd=tmp_path, OOO_DATA_DIR=refusing, **environment)
    assert refused.returncode == 15
    assert refusing in refused.stderr
    assert "OOO_DATA_DIR" in refused.stderr
    assert "Traceback" not in refused.stderr
