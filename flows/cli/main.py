"""The `ooo` command: the group of all commands, the messages of errors, and the exit codes."""

import contextlib
import json
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from calcom.errors import ExitCode, OooError
from flows.cli.demo_commands import demo, simulate
from flows.cli.pipeline_commands import doctor, erase_user, fleet, maintain, plan, sync
from flows.cli.prefect_commands import init_prefect, setup_prefect
from flows.cli.query_commands import export, query
from flows.cli.report_commands import completion, report, status
from flows.cli.signals import SENTENCES, is_interruption, signal_code
from flows.cli.streams import protect_streams
from flows.cli.terminal import prints_json

EXIT_CODES = {
    ExitCode.DONE: "Done.",
    ExitCode.USAGE: "The command line is wrong.",
    ExitCode.CONFIGURATION: "The configuration is wrong; the message names the variable.",
    ExitCode.CREDENTIALS: "The credential or the access to the organization is refused.",
    ExitCode.UNAVAILABLE: "Cal.com is unavailable.",
    ExitCode.PROTOCOL: "A response does not match Cal.com's API.",
    ExitCode.TRANSFORM: "A transform or the SQL of a query failed.",
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
    init_prefect,
    setup_prefect,
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
      ooo query who_is_out --from this-week      list the absences of this week
    """
    from flows.settings.data_folder import created_with
    from flows.settings.values import FilePermissions

    context.with_resource(created_with(FilePermissions.OWNER))


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit with its code. No error prints a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    protect_streams()
    code: Any = ExitCode.DONE
    try:
        code = cli.main(arguments, prog_name="ooo", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - every error becomes one sentence and an exit code
        logs_json = " --log-format json" in f" {' '.join(arguments)} ".replace("=", " ")
        code = _explain(error, as_json=prints_json(arguments), logs_json=logs_json)
    sys.exit(int(code) if isinstance(code, int) else ExitCode.DONE)


def _explain(error: BaseException, *, as_json: bool, logs_json: bool) -> int:  # noqa: PLR0911 - one for each kind of error
    """Print the message of `error`, and return the exit code of the command."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else ExitCode.DONE
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if is_interruption(error) or isinstance(error, click.Abort):
        _print_error(SENTENCES[signal_code()])
        return signal_code()
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        usage = f"{context.get_usage()}\n" if context else ""
        hint = f"Try '{context.command_path} --help' for help.\n\n" if context else ""
        _print_error(f"{usage}{hint}Error: {error.format_message()}")
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        return ExitCode.DONE
    if isinstance(error, OooError):
        _report(error, int(error.exit_code), _with_advice(error), as_json=as_json, logs_json=logs_json)
        return error.exit_code
    is_of_disk = isinstance(error, OSError | MemoryError) or _is_of_duckdb(error)
    code = ExitCode.WAREHOUSE if is_of_disk else ExitCode.TRANSFORM
    _report(error, int(code), _describe_unforeseen(error), as_json=as_json, logs_json=logs_json)
    return code


def _report(error: BaseException, code: int, message: str, *, as_json: bool, logs_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = {"outcome": "failed", "exit_code": code, "error": str(error)}
        with contextlib.suppress(OooError, OSError):
            click.echo(json.dumps(facts, indent=2))
    if logs_json:
        line = {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z", "event": "error", "exit_code": code}
        _print_error(json.dumps(line | {"error": message}))
    else:
        _print_error(f"error: {message}")


def _print_error(text: str) -> None:
    # A pattern of its own: the help and a wrong option must not load the libraries of flows.report.
    printable = re.sub(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]",
        lambda match: ascii(match[0])[1:-1],
        text,
    )
    with contextlib.suppress(OSError, ValueError):
        click.echo(printable, err=True)


def _with_advice(error: OooError) -> str:
    """Return the message, with the proxy or the certificates if one of them refused the connection."""
    from calcom.errors import TransportError

    message = str(error)
    if isinstance(error, TransportError):
        from flows.settings.proxies import advise_connection

        with contextlib.suppress(OooError):
            from flows.settings import load_settings

            message += advise_connection(load_settings().api_url, error.cause)
    return message


def _describe_unforeseen(error: BaseException) -> str:
    """Return one sentence about an error that no part of the program expected, with the file of its traceback."""
    path = _save_traceback(error)
    saved = f"the traceback is in {path}" if path else "the traceback could not be saved"
    if isinstance(error, MemoryError):
        return f"the memory of this machine ran out; free memory, or set OOO_MEMORY_LIMIT; {saved}"
    if isinstance(error, OSError):
        return (
            f"can't read or write {error.filename or 'a file'}: {error.strerror or error}; correct the permissions,"
            f" free disk space, or set OOO_DATA_DIR to a folder on a local disk; {saved}"
        )
    text = str(error).partition("\n")[0]
    if _is_of_duckdb(error):
        return f"the database could not be read or written: {text}; if it is damaged, run `ooo sync`; {saved}"
    return f"unexpected {type(error).__name__}: {text}; this is a defect of the program: {saved}; please report it"


def _is_of_duckdb(error: BaseException) -> bool:
    """Return True for an error of DuckDB, without loading DuckDB."""
    return type(error).__module__.lstrip("_").startswith("duckdb")


def _save_traceback(error: BaseException) -> Path | None:
    """Write the traceback under the data folder, without e-mail addresses and keys. Return its path, or None."""
    from calcom.errors import redact

    try:
        from flows.settings import load_settings

        folder = load_settings().data_dir / "errors"
        if folder.is_symlink():
            return None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.txt"
        lines = "".join(traceback.format_exception(error)).splitlines()
        path.write_text("\n".join(redact(line) for line in lines) + "\n", encoding="utf-8")
        path.chmod(0o600)
    except Exception:  # noqa: BLE001 - the error that ended the command matters more
        return None
    return path
