"""The documents agree with the program."""

import importlib.util
import re
from pathlib import Path

import click
import pytest

from calcom.errors import ExitCode
from flows.cli.main import cli
from tests.support.program import run_ooo
from transforms.schema import PUBLISHED

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = dict(cli.commands)
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"(?:^|[`/ ])ooo ((?:[a-z-]+)(?: [^\n`|#()]*)?)", flags=re.MULTILINE)


def _builder() -> object:
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["commands.md", "data-dictionary.md", "settings.md"])
def test_generated_documents_are_up_to_date(name: str) -> None:
    generate = _builder().GENERATED[name]  # type: ignore[attr-defined]
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == generate(), "run python docs/build.py"


@pytest.mark.parametrize(("pattern", "fewest"), [(LINK, 40), (COMMAND, 40)])
def test_the_patterns_find_the_links_and_commands_of_the_documents(
    pattern: re.Pattern[str], fewest: int
) -> None:
    texts = [document.read_text(encoding="utf-8") for document in DOCUMENTS]
    assert sum(len(pattern.findall(text)) for text in texts) >= fewest


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_ooo_command_in_the_documents_exists_with_its_options(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for line in COMMAND.findall(text):
        name, *rest = line.split()
        if not name.startswith("--"):  # those are Prefect's: its work pool is called ooo
            assert name in COMMANDS, line
            command: click.Command = COMMANDS[name]
            if isinstance(command, click.Group) and rest and not rest[0].startswith("--"):
                assert rest[0] in command.commands, line
                command = command.commands[rest[0]]
            options = {option for parameter in command.params for option in parameter.opts}
            options |= {"--help", "-h"}
            assert {word for word in rest if word.startswith("--")} <= options, line


def test_every_command_and_exit_code_is_documented() -> None:
    documented = re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE)
    assert [int(code) for code in documented] == sorted(ExitCode)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`{name}`" in changelog, name


def test_the_readme_names_every_table() -> None:
    for table in PUBLISHED:
        assert f"`{table.name}`" in README


@pytest.mark.slow
def test_the_demo_in_the_readme_is_the_output_of_the_program(tmp_path: Path) -> None:
    shown = re.search(r"```text\n(A simulated.*?)```", README, flags=re.DOTALL)
    assert shown is not None
    demo = run_ooo("demo", "--quiet", cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    assert _stable(shown[1]) == _stable(demo.stdout)


def _stable(text: str) -> list[str]:
    """Return the words of the output, with ids, ports and durations, which differ between runs, replaced."""
    text = re.sub(r"\d{8}T\d+Z-[0-9a-f]{6}", "<run>", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "<address>", text)
    text = re.sub(r"\S*/ooo query", "ooo query", text)
    return re.sub(r"\d+\.\d s", "<time>", text).split()


def test_the_help_of_every_command_has_an_example() -> None:
    for name, command in COMMANDS.items():
        assert re.search(rf"^ *(\S+=\S+ )*ooo {name}\b", command.help or "", flags=re.MULTILINE), name
