"""Folders and files that cannot be read or written give a message with the path, and a code of the table."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from flows.cli.doctor import run_checks
from flows.cli.findings import Level
from tests.support.program import run_ooo

ROOT = Path(__file__).parents[2]
UNPRIVILEGED = 65_534


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with serve(Simulator(World.generate(people=5), limits=None)) as server:
        yield server.url


@pytest.fixture(scope="module")
def published(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    done = run_ooo("sync", "--quiet", cwd=folder, CALCOM_API_URL=server_url, CALCOM_API_KEY=OWNER_KEY)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    shutil.copytree(published / "data", tmp_path / "data")
    return tmp_path


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become another user")
@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "who_is_out"),
        ("status",),
        ("export",),
        ("report",),
        ("doctor",),
        ("erase-user", "1", "--yes"),
        ("maintain",),
        ("sync", "--quiet"),
        ("plan",),
        ("fleet", "list"),
        ("fleet", "remove", "1", "--yes"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_another_account_gets_a_message_about_a_private_folder(
    arguments: tuple[str, ...], published: Path
) -> None:
    """The process loads the program first: the other account may have no access to the interpreter."""
    program = (
        "import contextlib, io, os, sys\n"
        "from flows.cli.main import cli, main\n"
        "from click.testing import CliRunner\n"
        "import flows.cli.doctor, flows.report.export, flows.report.page, flows.privacy.erasure, encodings.idna\n"
        "import flows.run.stages, flows.run.plan, flows.fleet.removal\n"
        f"CliRunner().invoke(cli, {list(arguments)!r}, env={{'OOO_DATA_DIR': '/nonexistent'}})\n"
        f"os.setgroups([]); os.setgid({UNPRIVILEGED}); os.setuid({UNPRIVILEGED})\n"
        f"main({list(arguments)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd="/tmp",  # noqa: S108 - any folder that the other account can read
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "OOO_DATA_DIR": str(published / "data"),
            "CALCOM_API_KEY": OWNER_KEY,
            "CALCOM_ORG_ID": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 15, done.stdout + done.stderr
    assert str(published) in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "the traceback" not in done.stderr


@pytest.mark.parametrize("damage", ["empty", "half", "random", "folder"])
def test_a_damaged_database_is_a_message_that_names_the_sync(damage: str, folder: Path) -> None:
    path = folder / "data" / "ooo.duckdb"
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes(
            {"empty": b"", "half": content[: len(content) // 2], "random": b"damaged" * 1000}[damage]
        )
    for command in (("query", "who_is_out"), ("export",), ("status",), ("report",), ("doctor",)):
        failed = run_ooo(*command, cwd=folder, CALCOM_API_KEY=OWNER_KEY, CALCOM_API_URL="http://127.0.0.1:9")
        shown = failed.stdout + failed.stderr
        assert failed.returncode == 15, (command, shown)
        assert f"{path.relative_to(folder)}: " in shown, (command, shown)
        assert "remove it and run `ooo sync`" in shown, (command, shown)
        assert "back-up" not in shown, (command, shown)
        assert "traceback" not in shown.lower(), (command, shown)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", "3", "\ufffd", '{"generation": [1]}', '{"generation": null}']
)
def test_a_damaged_pointer_is_a_message(content: str, folder: Path) -> None:
    path = folder / "data" / "exports" / "current.json"
    path.write_text(content)
    failed = run_ooo("status", cwd=folder)
    assert failed.returncode == 15, failed.stderr
    assert str(path.relative_to(folder)) in failed.stderr
    assert "Traceback" not in run_ooo("doctor", cwd=folder).stderr


@pytest.mark.parametrize("damage", ["half", "empty", "folder", "missing"])
@pytest.mark.parametrize("name", ["warehouse.duckdb", "ooo.duckdb", "dim_people.parquet", "manifest.json"])
def test_the_doctor_finds_a_damaged_file_of_the_warehouse_and_of_the_publication(
    name: str, damage: str, folder: Path
) -> None:
    (path,) = (folder / "data").glob(
        "exports/current/dim_people.parquet" if "parquet" in name else f"**/{name}"
    )
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(content[: len(content) // 2] if damage == "half" else b"")
    findings = [
        (level, text)
        for level, text in _levels(folder / "data").values()
        if level is not Level.OK and "CALCOM_API_KEY" not in text
    ]
    if damage == "missing" and name.endswith(".duckdb"):
        return  # it was moved, or is not there yet
    assert any(name in text or "current.json" in text for _, text in findings), findings


def _levels(data_dir: Path) -> dict[str, tuple[Level, str]]:
    findings = run_checks(_env_file=None, OOO_DATA_DIR=data_dir, CALCOM_API_KEY=None)
    return {finding.subject: (finding.level, finding.text) for finding in findings}


@pytest.mark.parametrize("call", ["link", "chmod", "rename", "fsync"])
def test_the_doctor_finds_a_file_system_that_lacks_a_feature(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, {"rename": "replace"}.get(call, call), refuse)
    level, text = _levels(tmp_path)["data folder"]
    assert level is (Level.WARNING if call == "link" else Level.FAILURE)
    assert str(tmp_path) in text
    assert not list(tmp_path.glob(".next-*"))


@pytest.mark.parametrize("command", ["export", "report"])
def test_an_output_that_is_a_folder_is_refused(command: str, folder: Path) -> None:
    (folder / "taken").mkdir()
    refused = run_ooo(command, "--output", "taken", cwd=folder)
    assert refused.returncode in (2, 15)
    assert "taken" in refused.stderr


def test_a_report_is_written_through_a_symbolic_link(folder: Path) -> None:
    (folder / "link.html").symlink_to(folder / "page.html")
    done = run_ooo("report", "--output", "link.html", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "link.html").is_symlink()
    assert (folder / "page.html").read_text().startswith("<!")


@pytest.mark.parametrize(
    "name",
    [
        *("landing", "exports", "reports", "backups", "errors", "organizations", "organizations/acme"),
        *(
            "exports/current",
            "exports/generations",
            "exports/calendars",
            "exports/delta",
            "exports/delta/runs",
        ),
        "warehouse.duckdb.tmp",
    ],
)
def test_a_folder_that_is_a_link_is_refused_and_its_target_stays(
    name: str, folder: Path, server_url: str
) -> None:
    target, path = folder / "target", folder / "data" / name
    if path.exists():
        shutil.move(path, target)
    target.mkdir(exist_ok=True)
    (target / "theirs.parquet").write_text("theirs")
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)
    before = sorted(target.rglob("*"))
    for command in (("sync", "--quiet"), ("maintain",)):
        refused = run_ooo(*command, cwd=folder, CALCOM_API_URL=server_url, CALCOM_API_KEY=OWNER_KEY)
        assert refused.returncode == 15, refused.stderr
        assert f"data/{name}, found a symbolic link" in refused.stderr
    assert sorted(target.rglob("*")) == before


def test_links_and_foreign_folders_in_the_data_folder_are_neither_followed_nor_removed(
    folder: Path, server_url: str
) -> None:
    target, landing, reports = folder / "target", folder / "data" / "landing", folder / "data" / "reports"
    target.mkdir()
    (target / "run.json").write_text("theirs")
    run_id = "20200101T000000000000Z-abcdef"
    (landing / run_id).symlink_to(target)
    (folder / "data" / "exports" / "generations" / run_id).symlink_to(target)
    (landing / "00-mine").mkdir()
    for report in ("out-of-office.html", "absence-report.html"):
        (reports / f".next-{report}").symlink_to(target / "run.json")
    for arguments in (("sync", "--quiet"), ("report",), ("maintain",), ("erase-user", "4", "--yes")):
        done = run_ooo(*arguments, cwd=folder, CALCOM_API_URL=server_url, CALCOM_API_KEY=OWNER_KEY)
        assert done.returncode == 0, done.stderr
    assert (target / "run.json").read_text() == "theirs"
    assert {run_id, "00-mine"} <= {path.name for path in landing.iterdir()}


def test_a_share_without_locks_is_named_by_the_doctor_and_by_each_command_that_writes(
    folder: Path, server_url: str
) -> None:
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import errno, fcntl, os\n"
        "def refuse(*_): raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))\n"
        "fcntl.flock = fcntl.lockf = refuse\n"
    )
    environment = {"PYTHONPATH": str(site), "CALCOM_API_URL": server_url, "CALCOM_API_KEY": OWNER_KEY}
    for arguments in (("sync", "--quiet"), ("maintain",), ("erase-user", "4", "--yes"), ("doctor",)):
        failed = run_ooo(*arguments, cwd=folder, **environment)
        assert failed.returncode == 15, (arguments, failed.stderr)
        assert "data" in failed.stdout + failed.stderr
        assert "OOO_DATA_DIR" in failed.stdout + failed.stderr


def test_delta_tables_in_a_folder_with_a_percent_sign_are_refused_with_the_way_out(
    server_url: str, tmp_path: Path
) -> None:
    environment = {"CALCOM_API_URL": server_url, "CALCOM_API_KEY": OWNER_KEY, "OOO_DATA_DIR": "a%41"}
    refused = run_ooo("sync", "--quiet", cwd=tmp_path, OOO_DELTA="true", **environment)
    assert refused.returncode == 15, refused.stderr
    assert "expected a path without %" in refused.stderr
    done = run_ooo("sync", "--quiet", cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
