"""Write to standard output and standard error, which may be a terminal, a pipe, or lack Unicode."""

import contextlib
import functools
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

if TYPE_CHECKING:
    from calcom.connection import SentRequest
    from calcom.scopes import Scope, ScopeResult
    from flows.run.progress import ProgressListener, RateLimit
    from flows.settings import Settings

QUIET = click.option("--quiet", is_flag=True, help="Show no progress.")
"""The option of each command that shows its progress."""

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any] | click.Command)


class Summary(Protocol):
    """The result of a command, for a program and for a user."""

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON types."""

    def as_text(self) -> str:
        """Return the result as lines of text."""


def json_option(content: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the options `--format json` and `--json`, which print one JSON value; `content` names it in the help.

    The command gets them as its parameter `as_json`.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(*arguments: Any, as_json: bool, output_format: str, **values: Any) -> None:
            command(*arguments, as_json=as_json or output_format == "json", **values)

        formats = click.Choice(["text", "json"])
        help_text = f"The format of the output; json is one JSON {content}."
        run = click.option(
            "--format", "output_format", type=formats, default="text", show_default=True, help=help_text
        )(run)
        return click.option("--json", "as_json", is_flag=True, help="The same as --format json.")(run)

    return decorate


def prints_json(arguments: Sequence[str]) -> bool:
    """Return True if the command line has `--json` or `--format json`, for a command that prints one JSON value."""
    has_format = "--format=json" in arguments or ("--format", "json") in pairwise(arguments)
    return "--json" in arguments or (has_format and arguments[0] != "query")


def write_summary(summary: Summary, *, as_json: bool) -> None:
    """Write `summary` as one JSON object or as text."""
    write_text(json.dumps(summary.as_json(), indent=2) if as_json else summary.as_text())


def write_text(text: str) -> None:
    """Write `text` for a user, without control characters that a terminal would obey."""
    from flows.report.plain_text import escape_controls

    click.echo(escape_controls(text))


def write_notes(sentences: Iterable[str]) -> None:
    """Write sentences about the output to standard error."""
    from flows.report.plain_text import escape_controls

    for sentence in sentences:
        click.echo(escape_controls(f"note: {sentence}"), err=True)


def write_data(text: str) -> None:
    """Write `text`, which another program reads, in UTF-8 with any encoding of the terminal.

    On a terminal, control characters are escaped.
    """
    if sys.stdout.isatty():
        write_text(text)
    else:
        click.echo(text.encode("utf-8", "replace"))


_USUAL_WIDTH = 80
"""The width of a terminal that does not state its own."""


def table_width() -> int | None:
    """Return the width of the terminal, from COLUMNS or the terminal itself; None if the output is no terminal."""
    if width := shutil.get_terminal_size((0, 0)).columns:
        return width
    return _USUAL_WIDTH if sys.stdout.isatty() else None


def draws_lines() -> bool:
    """Return True if standard output can show the box-drawing characters of tables."""
    try:
        "┌─┆".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


verbose_option = click.option("-v", "--verbose", is_flag=True, help="Show each request.")


def request_writer(*, verbose: bool) -> "Callable[[SentRequest], None] | None":
    """Return the function that writes each request to standard error as a line, or None if they are not shown."""
    if not verbose:
        return None
    from flows.run import event_log, progress

    return lambda request: progress.print_line(event_log.describe_request(request))


def log_options(command: _Decorated) -> _Decorated:
    """Add the options `--log-format` and `--verbose`, which `open_listener` takes."""
    log_format = click.option(
        "--log-format",
        type=click.Choice(("text", "json")),
        help="The form of the lines about the progress; json is one object per line.  [default: OOO_LOG_FORMAT]",
    )
    decorated: _Decorated = log_format(verbose_option(command))
    return decorated


@contextlib.contextmanager
def open_listener(
    settings: "Settings", *, quiet: bool, log_format: str | None, verbose: bool, name: str | None = None
) -> "Iterator[ProgressListener]":
    """Yield the listener that the options of a command describe; it writes to standard error.

    `name` is that of one of several concurrent runs, whose lines begin with it.
    """
    from flows.run import event_log, progress

    is_json = (log_format or settings.log_format) == "json"
    with contextlib.ExitStack() as stack:
        listener: ProgressListener
        if is_json or quiet:
            listener = progress.SilentListener()
        elif name is not None:
            listener = progress.named_lines(name)
        elif verbose:
            listener = progress.LineListener(progress.print_line)
        else:
            listener = stack.enter_context(progress.show_progress(is_quiet=False))
        write = _write_log_line if is_json else progress.print_line
        yield event_log.listen(PrintableListener(listener), write, is_json=is_json, shows_requests=verbose)


def _write_log_line(text: str) -> None:
    click.echo(text, err=True)


class PrintableListener:
    """Passes the progress of a run on, without control characters that a terminal would obey."""

    def __init__(self, listener: "ProgressListener") -> None:
        """Take the listener that shows the progress."""
        self._listener = listener

    def page_read(self, scope: "Scope", rows: int) -> None:
        """Pass the page on."""
        self._listener.page_read(scope, rows)

    def scope_ended(self, result: "ScopeResult") -> None:
        """Pass the verdict on, with a printable problem."""
        from flows.report.plain_text import escape_controls

        problem = result.problem and escape_controls(result.problem)
        self._listener.scope_ended(replace(result, problem=problem))

    def stage_started(self, name: str, detail: str) -> None:
        """Pass the stage on, with a printable detail."""
        from flows.report.plain_text import escape_controls

        self._listener.stage_started(name, escape_controls(detail))

    def requests_expected(self, sent: int, missing: int, limit: "RateLimit") -> None:
        """Pass the estimate on."""
        self._listener.requests_expected(sent, missing, limit)

    def waiting(self, seconds: float) -> None:
        """Pass the pause on."""
        self._listener.waiting(seconds)
