"""The options that choose rows, for query and export, and the messages about refused rows."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calcom.errors import OooError
from flows.cli.dates import Span, date_range, from_option, to_option

if TYPE_CHECKING:
    from flows.report.filters import Filters
    from flows.settings import Settings

REASONS = ("public_holiday", "sick", "vacation", "travel", "custom", "unspecified", "unknown")
"""The codes of `transforms.reasons.PRECEDENCE`, whose module loads Polars; a test compares the two."""

_OF_TODAY = ("who_is_out", "who_is_out_by_team")
"""The named queries that are about today by default, and about public holidays only on request."""


@dataclass(frozen=True)
class RowOptions:
    """The values of the options that choose rows."""

    from_span: Span | None
    to_span: Span | None
    reasons: tuple[str, ...]
    teams: tuple[str, ...]
    people: tuple[str, ...]
    has_public_holidays: bool

    def range_for(self, query: str) -> tuple[date, date]:
        """Return the first and the last day for the named query or table. Raise `UsageError` if they are reversed."""
        return date_range(self.from_span, self.to_span, is_today_by_default=query in _OF_TODAY)

    def leaves_out_public_holidays(self, query: str) -> bool:
        """Return True if the answer of the named query leaves public holidays out."""
        return query in _OF_TODAY and not self.has_public_holidays and not self.reasons

    def filters(self) -> "Filters":
        """Return the filters by reason, team and person."""
        from flows.report.filters import Filters

        return Filters(self.reasons, self.teams, self.people)

    def used(self) -> list[str]:
        """Return the options that have a value."""
        values = {
            "--from": self.from_span,
            "--to": self.to_span,
            "--public-holidays": self.has_public_holidays,
        }
        return [option for option, value in values.items() if value] + self.filters().options()


def complete_from(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    """Return a function that completes a word from `names`, in a shell with the script of `ooo completion`."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        del context, parameter
        return [name for name in names() if name.startswith(incomplete)]

    return complete


_ROW_OPTIONS = (
    from_option,
    to_option,
    click.option(
        "--reason",
        "reasons",
        multiple=True,
        shell_complete=complete_from(lambda: REASONS),
        help="Only this reason, by its code such as sick. Can be repeated.",
    ),
    click.option(
        "--team",
        "teams",
        multiple=True,
        help="Only the current members of this team, by its name or id. Needs teams, see OOO_TEAMS. Can be repeated.",
    ),
    click.option(
        "--person",
        "people",
        multiple=True,
        help="Only this person, by name, e-mail address or id. Can be repeated.",
    ),
    click.option(
        "--public-holidays",
        "has_public_holidays",
        is_flag=True,
        help="Show public holidays too in who_is_out and who_is_out_by_team.",
    ),
)


def row_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose rows; `command` gets them as its parameter `chosen`."""
    names = [field.name for field in fields(RowOptions)]

    @functools.wraps(command)
    def run(**values: Any) -> None:
        command(chosen=RowOptions(**{name: values.pop(name) for name in names}), **values)

    for option in reversed(_ROW_OPTIONS):
        run = option(run)
    return run


raw_option = click.option(
    "--raw", is_flag=True, help="Write CSV for machines: no cell is changed for spreadsheets."
)


class _RefusedQueryError(click.ClickException):
    """A query that cannot be answered: a message without the usage of the command."""

    def __init__(self, error: OooError) -> None:
        """Take the message and the exit code of `error`."""
        super().__init__(str(error))
        self.exit_code = int(error.exit_code)  # type: ignore[misc]


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Turn a `QueryError` of the block into a message without the usage of the command."""
    from flows.settings.errors import QueryError

    try:
        yield
    except QueryError as error:
        raise _RefusedQueryError(error) from error


def refuse_own_file(output: Path | None, settings: "Settings") -> None:
    """Raise `UsageError` if `output` would replace a file of the program, such as the warehouse."""
    from flows.settings.data_folder import is_own_file

    if output is not None and is_own_file(output, settings.data_dir):
        message = f"expected another file than one of the program in {settings.data_dir}, found {output}"
        raise click.UsageError(f"{message}; choose another file with --output")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a question with the name that is nearest to `name`, or an empty text."""
    matches = get_close_matches(name.lower(), list(names), n=1)
    return f" Did you mean {matches[0]}?" if matches else ""
