"""File permissions: the owner alone, with any umask, or also a group for the published files."""

from pathlib import Path

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.program import run_ooo

pytestmark = pytest.mark.slow


def _modes(folder: Path) -> dict[str, str]:
    modes = {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    return {name: f"{mode:o}" for name, mode in sorted(modes.items())}


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_new_and_older_files_and_folders_are_readable_by_the_owner_alone(umask: int, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with serve(Simulator(World.generate(people=5, years=1), limits=None)) as server:
        environment = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        first = run_ooo("sync", "--quiet", cwd=tmp_path, umask=umask, **environment)
        fresh = _modes(tmp_path)
        for path in data_dir.iterdir():
            path.chmod(0o755 if path.is_dir() else 0o644)
        again = run_ooo("sync", "--quiet", cwd=tmp_path, umask=umask, **environment)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    for modes in (fresh, _modes(tmp_path)):
        assert {"data/ooo.duckdb", "data/warehouse.duckdb", "data/exports/current.json"} <= modes.keys()
        for name, mode in modes.items():
            assert mode == ("700" if (tmp_path / name).is_dir() else "600"), name


def test_a_group_reads_the_published_files_alone_until_the_permission_is_withdrawn(tmp_path: Path) -> None:
    with serve(Simulator(World.generate(people=5, years=1), limits=None)) as server:
        environment = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        for permissions in ("owner", "group", "group", "owner"):
            done = run_ooo("sync", "--quiet", cwd=tmp_path, umask=0, OOO_SHARE=permissions, **environment)
            assert done.returncode == 0, done.stderr
            paths = list((tmp_path / "data").rglob("*"))
            assert {"ooo.duckdb", "warehouse.duckdb", "current.json"} <= {path.name for path in paths}
            assert {"out-of-office.html", "absence-report.html"} <= {path.name for path in paths}
            for path in paths:
                is_published = path.name == "ooo.duckdb" or {"exports", "reports"} & set(path.parts)
                assert _is_open_to_the_group(path, tmp_path) == (
                    permissions == "group" and bool(is_published) and path.name != "absence-report.html"
                ), path
                assert not path.stat().st_mode & 0o007


def _is_open_to_the_group(path: Path, root: Path) -> bool:
    folders = [folder for folder in path.parents if folder != root and folder.is_relative_to(root)]
    return bool(path.stat().st_mode & 0o040) and all(folder.stat().st_mode & 0o010 for folder in folders)
