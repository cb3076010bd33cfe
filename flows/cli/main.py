"""The `ooo` command: the group of all commands, the messages of errors, and the exit codes."""

import json
import sys
from typing import Any, NoReturn

import click

from calcom.errors import ExitCode, OooError
from flows.cli.pipeline_commands import demo, doctor, erase_user, fleet, maintain, plan, simulate, sync
from flows.cli.query_commands import completion, export, query, report, status
from flows.cli.terminal import discard_output, replace_unknown_characters

EXIT_CODES = {
    ExitCode.DONE: "Done.",
    ExitCode.USAGE: "The command line is wrong.",
    ExitCode.CONFIGURATION: "The configuration is wrong; the message names the variable.",
    ExitCode.CREDENTIALS: "The credential or the access to the organization is refused.",
    ExitCode.UNAVAILABLE: "Cal.com is unavailable.",
    ExitCode.PROTOCOL: "A response does not match Cal.com's API.",
    ExitCode.TRANSFORM: "A transform failed.",
    ExitCode.WAREHOUSE: "The warehouse or the disk failed.",
    ExitCode.GUARD: "A guard failed: mass deletion, quarantine limit, audit, or age of data.",
    ExitCode.PARTIAL: "Partial: some scopes failed or are unproven, the rest is published.",
    ExitCode.HANGUP: "The signal SIGHUP ended the command: its terminal was closed.",
    ExitCode.INTERRUPTED: "The signal SIGINT (Ctrl-C) ended the command.",
    ExitCode.TERMINATED: "The signal SIGTERM ended the command.",
}
"""The meaning of each exit code, as the help lists them."""

_COMMANDS = (
    completion,
    demo,
    doctor,
    erase_user,
    export,
    fleet,
    maintain,
    plan,
    query,
    report,
    simulate,
    status,
    sync,
)


@click.group(
    commands=_COMMANDS,
    epilog="\b\nExit codes:\n"
    + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in sorted(EXIT_CODES.items())),
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
    from flows.settings.permissions import FilePermissions, created_with

    context.with_resource(created_with(FilePermissions.OWNER))


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit with its code. Errors of this project print a message and no traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    replace_unknown_characters()
    try:
        code = cli.main(arguments, prog_name="ooo", standalone_mode=False)
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; the pages that were read are kept, and the next sync resumes", err=True)
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        discard_output()
        code = ExitCode.DONE
    except OooError as error:
        code = error.exit_code
        _report(error, as_json="--json" in arguments)
    sys.exit(int(code) if isinstance(code, int) else ExitCode.DONE)


def _report(error: OooError, *, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = {
            "outcome": "failed",
            "exit_code": int(error.exit_code),
            "error": str(error),
        }
        click.echo(json.dumps(facts, indent=2))
    click.echo(f"error: {error}", err=True)
