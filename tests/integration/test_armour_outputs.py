"""The file of --output can be anything: it is written, or refused with its name, and nothing else changes."""

import os
import threading
from pathlib import Path

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from flows.cli import main as program
from tests.support.program import run_ooo

COMMANDS = {
    "query": ("query", "who_is_out", "--format", "table"),
    "query as csv": ("query", "FROM fct_ooo_entries", "--format", "csv"),
    "export as parquet": ("export", "--format", "parquet"),
    "export as csv": ("export", "--format", "csv"),
    "export as xlsx": ("export", "--for-people", "--format", "xlsx"),
    "report": ("report",),
}
STRANGE_NAMES = {
    "a line break": b"new\nline",
    "an escape sequence": b"esc\x1b[2J",
    "bytes that are no UTF-8": b"bad\xff\xfe",
    "a reversed text": "gnp\u202etxt".encode(),
    "255 bytes": b"n" * 255,
}
OWN_FILES = ["ooo.duckdb", "warehouse.duckdb", ".lock", "exports/current.json", "landing/new.csv"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    with serve(Simulator(World.generate(people=5, years=1), limits=None)) as server:
        done = run_ooo("sync", "--quiet", cwd=folder, CALCOM_API_URL=server.url, CALCOM_API_KEY=OWNER_KEY)
    assert done.returncode == 0, done.stderr
    return folder / "data"


@pytest.fixture(autouse=True)
def folder(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OOO_DATA_DIR", str(data_dir))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str, output: Path | str) -> int:
    """Run the command in this process, and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        program.main([*COMMANDS[command], "--output", str(output)])
    return int(ended.value.code or 0)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", STRANGE_NAMES.values(), ids=STRANGE_NAMES)
def test_an_output_can_have_any_name(
    command: str, name: bytes, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / os.fsdecode(name)
    assert run(command, path) == 0
    assert path.stat().st_size > 0
    assert list(folder.iterdir()) == [path]
    printed = "".join(capsys.readouterr())
    assert "\x1b" not in printed
    assert "\u202e" not in printed


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_that_is_a_link_a_pipe_or_a_device_is_written_through(command: str, folder: Path) -> None:
    target, link, dangling, pipe = (folder / name for name in ("target", "link", "dangling", "pipe"))
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to("target")
    dangling.symlink_to("new")
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    for path in (link, dangling, pipe, Path(os.devnull)):
        assert run(command, path) == 0, path
    reader.join(10)
    assert target.stat().st_mode & 0o777 == 0o640
    for written in (target.read_bytes(), (folder / "new").read_bytes()):
        assert len(written) > len("old")
        assert written[:10] == received[0][:10]  # a workbook has the time of its creation behind it
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert Path(os.devnull).is_char_device()
    assert pipe.is_fifo()


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_that_cannot_be_written_is_refused_with_its_name(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text("old")
    (folder / "loop").symlink_to("loop")
    (folder / "lost").symlink_to("missing/file")
    for output in ("missing/file", "file/below", "loop", "lost", "n" * 256, "p/" * 3000 + "x"):
        assert run(command, output) == 15, output
        message = capsys.readouterr().err
        assert output in message
        assert "choose another file with --output" in message
        assert message.count("\n") == 1
    assert (folder / "file").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == ["file", "loop", "lost"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_keeps_the_former_output(command: str, data_dir: Path, folder: Path) -> None:
    path = folder / "report"
    path.write_text("old")
    arguments = (*COMMANDS[command], "--output", str(path))
    refused = run_ooo(*arguments, cwd=folder, max_file_bytes=100, OOO_DATA_DIR=str(data_dir))
    assert refused.returncode == 15, refused.stderr
    assert refused.stderr.startswith(f"error: can't write {path}: ")
    assert refused.stderr.count("\n") == 1
    assert path.read_text() == "old"
    assert list(folder.iterdir()) == [path]
    assert run(command, path) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_never_replaces_a_file_of_the_program(
    command: str, data_dir: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")}
    (folder / "link").symlink_to(data_dir / "warehouse.duckdb")
    for output in (*(data_dir / name for name in OWN_FILES), Path("link")):
        assert run(command, output) == 2, output
        assert str(output) in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")} == before


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_may_be_beside_the_reports(command: str, data_dir: Path) -> None:
    output = data_dir / "reports" / "own"
    assert run(command, output) == 0
    assert output.stat().st_size
    output.unlink()
