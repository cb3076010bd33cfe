"""The documents say what the program does."""

import importlib.util
import re
from pathlib import Path

import click
import pytest

from flows.cli.main import cli
from flows.settings import Settings
from tests.support.program import run_ooo
from transforms.schema import PUBLISHED

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = {name: command.load() for name, command in cli.commands.items()}
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


@pytest.mark.parametrize("name", ["data-dictionary.md", "settings.md"])
def test_generated_documents_are_up_to_date(name: str) -> None:
    build = _builder()
    made = {"data-dictionary.md": build.data_dictionary, "settings.md": build.settings_reference}[name]()  # type: ignore[attr-defined]
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == made, "run python docs/build.py"


@pytest.mark.parametrize(("pattern", "fewest"), [(LINK, 40), (COMMAND, 40)])
def test_there_are_links_and_commands_to_look_at(pattern: re.Pattern[str], fewest: int) -> None:
    found = [one for document in DOCUMENTS for one in pattern.findall(document.read_text(encoding="utf-8"))]
    assert len(found) >= fewest


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
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
            known = {option for one in COMMANDS[name].params for option in one.opts}
            known |= {"--help", "-h"}
            used = {word for word in rest if word.startswith("--")}
            assert used <= known, line


def test_every_command_and_exit_code_is_documented() -> None:
    documented = re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE)
    assert documented == re.findall(r"\b(\d+) ", cli.epilog or "")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        assert f"`{name}`" in changelog, name
        assert command.help, name
        assert f"ooo {name}" in command.help or name in command.help, name


def test_the_list_of_commands_has_the_first_sentence_of_each_ones_help() -> None:
    widest = 200
    for name, command in COMMANDS.items():
        assert command.name == name
        assert cli.commands[name].get_short_help_str(widest) == command.get_short_help_str(widest)


def test_every_public_setting_has_a_meaning() -> None:
    for name, field in Settings.model_fields.items():
        assert field.alias, name
        assert field.description, name


def test_the_readme_names_every_table() -> None:
    for table in PUBLISHED:
        assert f"`{table.name}`" in README


@pytest.mark.slow
def test_the_readmes_demo_output_is_the_programs(tmp_path: Path) -> None:
    shown = re.search(r"```text\n(A simulated.*?)```", README, flags=re.DOTALL)
    assert shown is not None
    demo = run_ooo("demo", "--quiet", cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    assert _stable(shown[1]) == _stable(demo.stdout)


def _stable(text: str) -> list[str]:
    """The output without what differs from run to run: ids, ports, durations."""
    text = re.sub(r"\d{8}T\d+Z-[0-9a-f]{6}", "<run>", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "<address>", text)
    text = re.sub(r"\S*/ooo query", "ooo query", text)
    return re.sub(r"\d+\.\d s", "<time>", text).split()


def test_no_click_command_is_without_an_example() -> None:
    for command in COMMANDS.values():
        assert isinstance(command, click.Command)
        assert re.search(r"^ *(\S+=\S+ )*ooo ", command.help or "", flags=re.MULTILINE), command.name
