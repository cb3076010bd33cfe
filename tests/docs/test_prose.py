"""The prose check finds the words and shapes that it is for, and the project has none of them."""

from pathlib import Path

import click
import pytest

from flows.cli.main import cli
from tests.support.prose import (
    Passage,
    Rule,
    check,
    check_file,
    check_markdown,
    main,
    read_rules,
    split_sentences,
)

WORDS = read_rules("word")
NAMES = read_rules("name")


def _findings(folder: Path, name: str, text: str) -> list[str]:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return [f"{finding.line}: {finding.message}" for finding in check_file(file)]


@pytest.mark.parametrize("rule", WORDS, ids=lambda rule: rule.examples[0])
def test_each_flagged_word_is_found_in_its_examples_and_not_in_allowed_texts(rule: Rule) -> None:
    for text in rule.examples:
        assert list(Passage([(1, text)]).findings([rule])), text
    for text in rule.allowed:
        assert not list(Passage([(1, text)]).findings([rule])), text


@pytest.mark.parametrize("rule", NAMES, ids=lambda rule: rule.examples[0])
def test_each_flagged_name_is_found_in_its_examples_and_not_in_allowed_names(rule: Rule) -> None:
    assert all(rule.pattern.fullmatch(name) for name in rule.examples)
    assert not any(rule.pattern.fullmatch(name) for name in rule.allowed)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.py", '"""Read the file\nthat the server tells."""\n', 2),
        ("a.py", 'X = 1\n"""The limit, which\nnobody exceeds."""\n', 3),
        ("a.py", "def f():\n    # So\n    # many rows.\n    return 1\n", 2),
        ("a.py", "x = f('the client', g('never reads what is left here'))\n", 1),
        ("a.py", "def f(told):\n    return told\n", 1),
        ("a.py", 'def f():\n    """The rows are gone."""\n', 2),
        ("helpers.py", "X = 1\n", 1),
        ("a.sql", "-- Purpose: return the rows.\n-- Grain: whatever is read.\nSELECT 1;\n", 2),
        ("a.sql", "SELECT 1 -- asked for by nobody\n", 1),
        ("a.js", "f(); // what was chosen\n", 1),
        ("a.css", "a { }\n/* what was chosen */\n", 2),
        ("a.yaml", "a: 1\n# what was chosen\n", 2),
        ("Makefile", "clean:  ## remove what was installed\n", 1),
        ("a.md", "Read this.\n\n- one\n- `ok`, whatever it is\n", 4),
    ],
)
def test_each_kind_of_file_is_checked_on_the_right_line(
    name: str, text: str, line: int, tmp_path: Path
) -> None:
    findings = _findings(tmp_path, name, text)
    assert [finding.partition(":")[0] for finding in findings[:1]] == [str(line)], findings


def test_code_quotes_and_lines_with_the_pragma_are_not_checked(tmp_path: Path) -> None:
    text = 'Read `whatever` here.\n\nIt counted "answers of 429".\n\n```sql\nwhat is left\n```\n'
    assert not _findings(tmp_path, "a.md", text)
    assert not _findings(tmp_path, "a.md", "Whatever it is. <!-- prose: allow -->\n")
    assert not _findings(tmp_path, "a.py", "told = 1  # prose: allow\n")
    assert not _findings(tmp_path, "a.json", '{"a": "whatever"}')


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("One sentence.\nAnother one, with Cal.com and 3.5 rows.\n", []),
        ("A sentence that\ncontinues.\n", [1]),
        ("One sentence. Another one.\n", [1]),
        ("- **Lead.** `Code` begins a sentence. So does this.\n", [1]),
        ("- An item\n- without a full stop\n\n| a. B | c |\n| --- | --- |\n\n# A. Heading\n", []),
        ("Use pages, e.g. Users, vs. Entries.\n", []),
        ("The list:\n1. one\n2. two\n", []),
    ],
)
def test_markdown_has_one_sentence_per_line(text: str, lines: list[int]) -> None:
    assert [line for line, _ in check_markdown(text)] == lines


def test_splitting_puts_each_sentence_on_a_line_of_its_own_and_keeps_the_indentation() -> None:
    text = "One [link](a.md). Two `x`.\n\n  1. **Lead.** Rest (see A. B). End.\n\n```\nA. B.\n```\n"
    split = split_sentences(text)
    assert split == (
        "One [link](a.md).\nTwo `x`.\n\n  1. **Lead.**\n     Rest (see A. B).\n     End.\n\n```\nA. B.\n```\n"
    )
    assert split_sentences(split) == split
    assert not list(check_markdown(split))


def test_the_program_prints_each_finding_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tests/recordings"]) == 0
    assert capsys.readouterr().out == ""


def test_the_project_has_no_flagged_prose() -> None:
    findings = check()
    assert not findings, "\n".join(map(str, findings))


def _commands() -> list[tuple[str, click.Context]]:
    """Return the name and a context of 80 columns of `ooo` and each of its commands."""
    pending: list[tuple[str, click.Command]] = [("ooo", cli)]
    commands = []
    while pending:
        name, command = pending.pop()
        commands.append((name, click.Context(command, info_name=name, terminal_width=80)))
        if isinstance(command, click.Group):
            pending += [(f"{name} {child}", command.commands[child]) for child in command.commands]
    return commands


@pytest.mark.parametrize(("name", "context"), _commands())
def test_the_help_of_each_command_has_no_flagged_words_and_no_cut_lines(
    name: str, context: click.Context
) -> None:
    usage, _, text = context.command.get_help(context).partition("\n")
    assert name in usage
    lines = list(enumerate(text.splitlines(), 1))
    assert not list(Passage(lines).findings(WORDS))
    assert not [line for _, line in lines if line.endswith(("…", "..."))]
