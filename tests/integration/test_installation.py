"""The wheel is complete: the program runs from it, and refuses to run behind another package of the same name."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it in a new environment. Return the folder of its commands.

    The dependencies are those of the environment of the tests, because the registry is not needed for the promise.
    """
    folder = tmp_path_factory.mktemp("installation")
    tools = Path(sys.executable).parent
    subprocess.run(
        [tools / "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    site = next((environment / "lib").glob("python*/site-packages"))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
            site,
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    command = environment / "bin" / "ooo"
    command.write_text(f"#!{environment / 'bin' / 'python'}\nfrom calcom_ooo_warehouse import main\nmain()\n")
    command.chmod(0o755)
    return environment / "bin"


def run(command: Path, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    return subprocess.run(
        [command, *arguments],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_demo_runs_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import flows; print(flows.__file__)", cwd=tmp_path)
    assert where.stdout.startswith(str(installed.parent)), where
    done = run(installed / "ooo", "demo", "--people", "5", "--years", "1", "--quiet", cwd=tmp_path)
    assert (done.returncode, "COMPLETE" in done.stdout) == (0, True), done.stderr
    assert (tmp_path / "data" / "demo" / "reports" / "out-of-office.html").exists()


def test_the_files_of_prefect_are_written_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "ooo", "init-prefect", "prefect", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["prefect/prefect.yaml", "prefect/automations.yaml"],
    )
    written = yaml.safe_load((tmp_path / "prefect" / "prefect.yaml").read_text())
    original = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    assert [each["name"] for each in written["deployments"]] == [
        each["name"] for each in original["deployments"]
    ]
    for deployment in written["deployments"]:
        module, _, name = deployment["entrypoint"].partition(":")
        load = f"import importlib; print(importlib.import_module({module!r}).{name}.name)"
        loaded = run(installed / "python", "-c", load, cwd=tmp_path)
        assert loaded.returncode == 0, loaded.stderr
    assert (tmp_path / "prefect" / "automations.yaml").read_text() == (ROOT / "automations.yaml").read_text()

    refused = run(installed / "ooo", "init-prefect", "prefect", cwd=tmp_path)
    assert (refused.returncode, "--force" in refused.stderr) == (10, True)
    assert run(installed / "ooo", "init-prefect", "prefect", "--force", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("name", ["flows", "warehouse", "calcom"])
def test_another_package_of_the_same_name_is_named_in_a_sentence(
    name: str, installed: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / name
    other.mkdir(parents=True)
    (other / "__init__.py").touch()
    done = run(installed / "ooo", "status", cwd=tmp_path, PYTHONPATH=str(other.parent))
    assert done.returncode == 10
    assert f"the Python package {name} of this program" in done.stderr
    assert str(other) in done.stderr
    assert "Traceback" not in done.stderr
