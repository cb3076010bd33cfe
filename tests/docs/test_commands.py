"""Run every command of the README and the documents, here or in the test that `ELSEWHERE` names."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.program import OOO

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

ELSEWHERE = {
    r"make (install(-dev)?|demo|test|check|bench)": ".ci/run and tests/docs/test_docs.py",
    r"make test-\w+": ".ci/run",
    r"git pull && make install": "tests/integration/test_upgrade.py",
    r".*\bpython benchmarks/\w+\.py.*": "tests/integration/test_benchmarks.py",
    r".*\bprefect .*": "tests/integration, the tests of Prefect",
    r"ooo setup-prefect": "tests/integration, the tests of Prefect",
    r"pip install 'calcom-ooo-warehouse\[otel\]'": "needs a package registry",
    r"sudo systemctl .*": "needs systemd",
    r"flock .*": "tests/integration, the tests of the runbook",
    r"export .*": "sets what the next lines need",
    r"ooo erase-user \S+": "tests/integration, the tests of erasure: it needs a confirmation",
    r"ooo fleet .*": "tests/integration, the tests of fleets: they need a file of organizations",
}


def _commands() -> dict[str, str]:
    """Return the output that the documents show, or "", by command.

    A command is a line after a `$` in a console block, without its comment and its path to `ooo`.
    """
    outputs = {}
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL):
            for lines in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, _, output = lines.partition("\n")
                command = re.sub(r"\s{2,}#.*", "", line)
                command = re.sub(r"^(\S+=\S+ )*\.venv/bin/(?=ooo )", "", command).strip()
                outputs[command] = output or outputs.get(command, "")
    return outputs


OUTPUTS = _commands()
HERE = sorted(
    {command for command in OUTPUTS if not any(re.fullmatch(pattern, command) for pattern in ELSEWHERE)},
    key=lambda command: (not re.search(r"\booo (sync|demo)\b", command), command),
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """Provide a folder and the environment of a user who has followed the README so far."""
    with serve(Simulator(World.generate(people=5), limits=None)) as server:
        environment = {
            "PATH": f"{OOO.parent}:{os.environ['PATH']}",
            "CALCOM_API_URL": server.url,
            "CALCOM_API_KEY": OWNER_KEY,
            "OOO_TEAMS": "true",
        }
        yield tmp_path_factory.mktemp("shell"), environment


@pytest.mark.slow
@pytest.mark.parametrize("command", HERE)
def test_the_command_works_as_it_is_written(command: str, shell: tuple[Path, dict[str, str]]) -> None:
    folder, environment = shell
    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    if OUTPUTS[command].strip():
        assert ran.stdout.strip() == OUTPUTS[command].strip()


@pytest.mark.slow
def test_the_python_example_of_the_tutorial_reads_the_files_of_the_demo(
    shell: tuple[Path, dict[str, str]],
) -> None:
    folder, environment = shell
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", tutorial, flags=re.DOTALL)
    assert example is not None
    ran = subprocess.run(
        [sys.executable, "-c", example[1]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "vacation" in ran.stdout, ran.stderr


def test_the_documents_have_commands_to_run() -> None:
    assert len(HERE) >= 5
    assert any("ooo sync" in command for command in HERE)
