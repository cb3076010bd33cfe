"""Write docs/data-dictionary.md, docs/settings.md and docs/commands.md from the code that they describe.

Usage: python docs/build.py
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click
import duckdb

from flows.cli.main import EXIT_CODES, cli
from flows.settings import Settings
from transforms.columns import NOTES
from transforms.reasons import PRECEDENCE
from transforms.schema import PUBLISHED
from transforms.table import Table
from warehouse.connection import read_statement
from warehouse.load.audit import AUDITS
from warehouse.publish.measures import Measure, find_measures
from warehouse.publish.views import View, find_views

DOCS = Path(__file__).parent


def data_dictionary() -> str:
    """Return the document of the published tables, reasons, audits and macros, as Markdown."""
    parts = [
        "# Data dictionary",
        "`python docs/build.py` generates this document from the declarations in `transforms/` and"
        " `warehouse/`, and a test compares the two.\nThe same texts are comments in `ooo.duckdb`.\n"
        "Instants (`…_at`) are UTC without a time zone.\nDates (`…_on`) are civil dates, and no time zone is"
        " ever applied to them.",
        *(_describe_table(table) for table in PUBLISHED),
        f"With `OOO_NOTES=publish`, `fct_ooo_entries` has one more column, `{NOTES.name}` ({NOTES.sql_type})."
        f"\n{NOTES.meaning}",
        "## Reasons",
        "If entries of a person overlap on a day, the first of their reasons in this order counts.",
        _grid(
            ("sort_order", "reason", "label", "named by Cal.com"),
            [
                (str(order), f"`{reason.code}`", reason.label, "yes" if reason.is_standard else "no")
                for order, reason in enumerate(PRECEDENCE, start=1)
            ],
        ),
        "## Audits",
        "These audits run before each publication; [audits](audits.md) describes them.\nIn addition, each"
        " published table has one audit of its key and one of its required values.\nThe audit `counts_agree`"
        " compares the numbers of rows in `ooo.duckdb`, in the Parquet files and in the manifest.",
        _grid(
            ("audit", "severity", "promise"),
            [(f"`{audit.name}`", audit.severity, audit.promise) for audit in AUDITS],
        ),
        "## Views",
        "The views have names beside the ids, and need no dates.\nThey are in `ooo.duckdb` only, and have no Parquet"
        " files.\nThe [BI guide](bi-guide.md#attached-databases) describes how to read them from an attached"
        " database.\nA view shows no more than the tables: without published names, its names are null.",
        *_describe_views(),
        "## Macros",
        "Each macro takes `(from_date, to_date)`, both inclusive, and is used like a table:"
        " `FROM absence_by_reason('2026-01-01', '2026-12-31')`.\nThe command"
        " `ooo query NAME --from DATE --to DATE` returns the same rows.\nAverages, medians and shares are not"
        " rounded.\nThe median of an even number of values is the mean of the two middle values.\nA share is"
        " null if its denominator is 0.\nTests compare every macro with a second implementation in plain"
        " Python loops, over invented organizations.",
        _grid(
            ("macro", "result", "grain"),
            [
                (f"[`{measure.name}`](#{measure.name})", measure.purpose, measure.grain)
                for measure in find_measures()
            ],
        ),
        *_describe_measures(),
    ]
    return "\n\n".join(parts) + "\n"


def settings_reference() -> str:
    """Return the document of the settings, as Markdown."""
    rows = []
    for field in Settings.model_fields.values():
        default = field.default
        shown = "" if default is None else f"`{getattr(default, 'value', default)}`"
        rows.append((f"`{field.alias}`", shown, field.description or ""))
    return (
        "# Settings\n\n`python docs/build.py` generates this document from `flows/settings/model.py`, and a test"
        " compares the two.\nSet a variable in the environment or in a `.env` file.\nThe environment takes"
        " precedence.\n\n" + _grid(("variable", "default", "meaning"), rows) + "\n"
    )


def commands_reference() -> str:
    """Return the document of the commands, their options and the exit codes, as Markdown."""
    parts = [
        "# Commands and exit codes",
        "`python docs/build.py` generates this document from the commands themselves, and a test compares the"
        " two.\n`python -m flows` is the same program as `ooo`.\n`ooo COMMAND --help` prints the same texts.",
        *_describe_command(cli, "ooo"),
        "## Exit codes",
        "No error prints a traceback, and no command ends with exit code 1.\nThe"
        " [runbook](runbook.md#exit-codes-and-what-to-do) says what to do after each of them.",
        _grid(
            ("exit code", "meaning"),
            [(str(int(code)), meaning) for code, meaning in sorted(EXIT_CODES.items())],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _describe_command(command: click.Command, path: str) -> Iterator[str]:
    """Yield the sections of a command and of its subcommands. A group has the sections of its commands alone."""
    if isinstance(command, click.Group):
        for name, subcommand in sorted(command.commands.items()):
            yield from _describe_command(subcommand, f"{path} {name}")
        return
    context = click.Context(command, info_name=path)
    text, _, example = (command.help or "").partition("\b\n")
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    yield f"## {path}"
    yield "\n\n".join(paragraph.replace(". ", ".\n") for paragraph in paragraphs if paragraph)
    yield f"```text\n{command.get_usage(context)}\n```"
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    if records:
        rows = [("`" + names.replace("|", "\\|") + "`", " ".join(text.split())) for names, text in records]
        yield _grid(("option", "meaning"), rows)
    if example.strip():
        lines = (line.strip() for line in example.strip().splitlines())
        yield "```sh\n" + "\n".join(lines) + "\n```"


def _describe_table(table: Table) -> str:
    columns = [
        (f"`{column.name}`", column.sql_type, "yes" if column.is_nullable else "", column.meaning)
        for column in table.columns
    ]
    key = ", ".join(f"`{name}`" for name in table.key)
    return f"## {table.name}\n\nOne row: {table.grain}.\nKey: {key}.\n\n" + _grid(
        ("column", "type", "null", "meaning"), columns
    )


def _describe_views() -> list[str]:
    """Return a section per view."""
    with _open_empty_publication() as connection:
        return [_describe_view(connection, view) for view in find_views()]


def _describe_view(connection: duckdb.DuckDBPyConnection, view: View) -> str:
    described = connection.execute(f"DESCRIBE FROM {view.name}").fetchall()
    types = {name: sql_type for name, sql_type, *_ in described}
    columns = [(f"`{column}`", types[column], meaning) for column, meaning in view.columns.items()]
    return (
        f"### {view.name}\n\n{view.purpose}\n\n- One row: {view.grain}.\n- Caveats: {view.caveats}\n\n"
        + _grid(("column", "type", "meaning"), columns)
    )


def _describe_measures() -> list[str]:
    """Return a section per macro."""
    with _open_empty_publication() as connection:
        return [_describe_measure(connection, measure) for measure in find_measures()]


@contextlib.contextmanager
def _open_empty_publication() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database with the published tables, empty, the views and the macros, for the types of columns."""
    with duckdb.connect() as connection:
        for table in PUBLISHED:
            columns = ", ".join(f"{column.name} {column.sql_type}" for column in table.columns)
            connection.execute(f"CREATE TABLE {table.name} ({columns})").fetchall()
        for program in (*find_views(), *find_measures()):
            connection.execute(read_statement(program.statement)).fetchall()
        yield connection


def _describe_measure(connection: duckdb.DuckDBPyConnection, measure: Measure) -> str:
    arguments = ", ".join("'2026-01-01'" for _ in measure.parameters)
    described = connection.execute(f"DESCRIBE FROM {measure.name}({arguments})").fetchall()
    columns = ", ".join(f"`{name}` {sql_type}" for name, sql_type, *_ in described)
    published = f" It is published only with `{measure.switch}=true`." if measure.switch else ""
    return "\n".join(
        (
            f"### {measure.name}",
            "",
            f"`{measure.name}({', '.join(measure.parameters)})`: {measure.purpose}{published}",
            "",
            f"- Formula: {measure.formula}",
            f"- Source: {measure.source}",
            f"- Caveats: {measure.caveats}",
            f"- One row: {measure.grain}. Columns: {columns}.",
        )
    )


def _grid(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


GENERATED = {
    "data-dictionary.md": data_dictionary,
    "settings.md": settings_reference,
    "commands.md": commands_reference,
}
"""The function that returns each generated document, by its file name."""

if __name__ == "__main__":
    for name, generate in GENERATED.items():
        (DOCS / name).write_text(generate(), encoding="utf-8")
