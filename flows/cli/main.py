"""The `ooo` command: its commands, each a line of help, and one exit code for each way to end."""

import json
import sys
from typing import Any, NoReturn

import click

from calcom.errors import OooError
from flows.cli.lazy import LazyCommand, LazyGroup
from flows.cli.terminal import close_quietly, survive_narrow_encodings
from flows.settings.permissions import FilePermissions, created_with

EXIT_CODES = """\b
Exit codes:
  0 done           2 usage            10 configuration   11 credentials
  12 source unavailable   13 protocol   14 transform     15 warehouse
  16 guard (mass delete, quarantine limit, audit)
  17 partial (some scopes failed or unproven, the rest published)"""

COMMANDS = [
    LazyCommand(name, f"flows.cli.{module}", summary)
    for name, module, summary in (
        ("completion", "completion", "Print the script that completes `ooo` in a shell."),
        (
            "demo",
            "trying",
            "Run the whole pipeline on an invented organization, into demo/ under OOO_DATA_DIR.",
        ),
        (
            "doctor",
            "care",
            "Examine whether a sync can work here: settings, disk, locks, versions, clock, credential, role.",
        ),
        (
            "erase-user",
            "care",
            "Remove a person from every table and file here, and keep them out of every later sync.",
        ),
        (
            "export",
            "asking",
            "Write a published table, or a named query's answer, as one file: Parquet, CSV or Excel.",
        ),
        ("fleet", "fleet", "Many organizations in one warehouse, each with a credential of its own."),
        (
            "maintain",
            "care",
            "Clear away old landings and pending purges, and compact warehouse.duckdb; no row changes.",
        ),
        ("plan", "asking", "Say what a sync would cost, in requests and minutes, for each strategy."),
        ("query", "asking", "Ask the published database: a named query, or SQL in quotes."),
        (
            "report",
            "asking",
            "Write the report page about what is published: one HTML file that needs no network.",
        ),
        ("simulate", "trying", "Serve an invented organization as Cal.com would, until interrupted."),
        ("status", "asking", "Say how fresh and how whole the published tables are."),
        ("sync", "sync", "Read the organization, load what is proved, publish it."),
    )
]
"""Each command's name, its module, and the first sentence of its help."""


@click.group(
    cls=LazyGroup,
    commands=COMMANDS,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="calcom-ooo-warehouse", prog_name="ooo")
@click.pass_context
def cli(context: click.Context) -> None:
    """Cal.com's out-of-office entries as tables you can trust, in DuckDB and Parquet.

    \b
      ooo demo                                   try it on an invented organization
      CALCOM_API_KEY=cal_… ooo sync              read, load and publish to ./data
      ooo query absence_by_reason --from 2026-01-01 --to 2026-12-31
    """
    context.with_resource(created_with(FilePermissions.OWNER))


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command and end with its exit code; no error that was foreseen prints a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    survive_narrow_encodings()
    try:
        code = cli.main(arguments, prog_name="ooo", standalone_mode=False)
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; what was read is kept, and the next sync resumes", err=True)
        code = 130
    except BrokenPipeError:
        close_quietly()
        code = 0
    except OooError as error:
        code = error.exit_code
        _report(error, code, as_json="--json" in arguments)
    sys.exit(code if isinstance(code, int) else 0)


def _report(error: OooError, code: int, *, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = {"outcome": "failed", "exit_code": code, "error": str(error)}
        click.echo(json.dumps(facts, indent=2))
    click.echo(f"error: {error}", err=True)
