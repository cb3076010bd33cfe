"""The commands that read the published tables, and the shell completion: query, export, status, report, completion.

The body of each command imports the function that it calls, so that the help and each command load only the
libraries that they use.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from calcom.errors import OooError
from flows.cli.terminal import draws_lines, json_option, write_data, write_text

EXPORT_FORMATS = ("parquet", "csv", "xlsx")
"""The values of `flows.report.export.Format`, whose module loads Polars; a test compares the two."""


_PERIODS = (
    "today",
    "yesterday",
    "this-week",
    "next-week",
    "this-month",
    "next-month",
    "this-year",
    "last-year",
)


class _Day(click.ParamType):  # type: ignore[type-arg]  # older versions of click are not generic
    """A date, or the name of a period: its first day for --from, its last day for --to."""

    name = "date"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the placeholder in the help."""
        del param, ctx
        return "DATE|PERIOD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a range of dates: the one day, or the period."""
        if isinstance(value, tuple):
            return value
        if value in _PERIODS:
            return _period(value, datetime.now(UTC).date())
        try:
            day = datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a civil date
        except ValueError:
            nearest = get_close_matches(value, _PERIODS, n=1)
            hint = f" Did you mean {nearest[0]}?" if nearest else ""
            self.fail(
                f"{value!r} is not a date such as 2026-12-31, and none of {', '.join(_PERIODS)}.{hint}",
                param,
                ctx,
            )
        return day, day


def _period(name: str, today: date) -> tuple[date, date]:
    """Return the first and the last day of the period, weeks from Monday to Sunday."""
    month = today.replace(day=1)
    next_month = (month + timedelta(days=31)).replace(day=1)
    monday = today - timedelta(days=today.weekday())
    periods = {
        "today": (today, today),
        "yesterday": (today - timedelta(days=1), today - timedelta(days=1)),
        "this-week": (monday, monday + timedelta(days=6)),
        "next-week": (monday + timedelta(days=7), monday + timedelta(days=13)),
        "this-month": (month, next_month - timedelta(days=1)),
        "next-month": (next_month, (next_month + timedelta(days=31)).replace(day=1) - timedelta(days=1)),
        "this-year": (date(today.year, 1, 1), date(today.year, 12, 31)),
        "last-year": (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    }
    return periods[name]


_FROM = click.option(
    "--from",
    "from_range",
    type=_Day(),
    help="First day of the range, included, or a period in UTC: today, yesterday, this-week, next-week, this-month,"
    " next-month, this-year, last-year. [default: 1 January of this year]",
)
_TO = click.option(
    "--to",
    "to_range",
    type=_Day(),
    help="Last day of the range, included, or a period. [default: the end of the period of --from, else 31 December"
    " of this year]",
)
_RAW = click.option(
    "--raw", is_flag=True, help="Write CSV for machines: no cell is changed for spreadsheets."
)

_Range = tuple[date, date] | None


def _date_range(from_range: _Range, to_range: _Range) -> tuple[date, date]:
    """Return the first and the last day. Raise `UsageError` if they are reversed."""
    year = datetime.now(UTC).year
    from_date = from_range[0] if from_range else date(year, 1, 1)
    if to_range:
        to_date = to_range[1]
    elif from_range and from_range[0] != from_range[1]:
        to_date = from_range[1]
    else:
        to_date = date(year, 12, 31)
    if from_date > to_date:
        message = f"the range is reversed: --from is {from_date}, which is after --to, {to_date}"
        raise click.UsageError(message)
    return from_date, to_date


class _RefusedQueryError(click.ClickException):
    """A query that cannot be answered: a message without the usage of the command."""

    def __init__(self, error: OooError) -> None:
        """Take the message and the exit code of `error`."""
        super().__init__(str(error))
        self.exit_code = int(error.exit_code)  # type: ignore[misc]


def _nearest(name: str, names: Iterable[str]) -> str:
    """Return a question with the name that is nearest to `name`, or an empty text."""
    nearest = get_close_matches(name.lower(), list(names), n=1)
    return f" Did you mean {nearest[0]}?" if nearest else ""


def _query_names() -> Iterable[str]:
    from flows.report.queries import NAMED

    return NAMED


def _export_names() -> Iterable[str]:
    from flows.report.export import EXPORTABLE

    return EXPORTABLE


def _complete_from(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    """Return a function that completes a word from `names`, in a shell with the script of `ooo completion`."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        del context, parameter
        return [name for name in names() if name.startswith(incomplete)]

    return complete


@click.command()
@click.argument("query", shell_complete=_complete_from(_query_names))
@_FROM
@_TO
@click.option(
    "--as-of",
    "as_of_at",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]),
    help="The instant for the query as_of, in UTC; a date alone is its midnight. [default: now]",
)
@click.option(
    "--output",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="The format of the output.",
)
@_RAW
@click.option(
    "--unrestricted",
    is_flag=True,
    help="Run any SQL, without limits: it can read and write the files of this user.",
)
def query(  # noqa: PLR0913 - the options of the command
    *,
    query: str,
    from_range: _Range,
    to_range: _Range,
    as_of_at: datetime | None,
    output: str,
    raw: bool,
    unrestricted: bool,
) -> None:
    """Query the published database by name or with SQL.

    QUERY is a named query, or SQL in quotes. `ooo query list` prints the names.
    SQL reads the published tables alone.

    \b
      ooo query who_is_out --from 2026-12-21 --to 2026-12-31
      ooo query absence_by_reason --from this-month
      ooo query as_of --as-of 2026-03-01 --from 2026-04-01 --to 2026-04-30
      ooo query "SELECT count(*) FROM fct_ooo_entries" --output json
    """
    from flows.report.queries import NAMED, Dates, render, run_named, run_sql
    from flows.settings import load_settings
    from flows.settings.clock import utc_now
    from flows.settings.data_folder import database_path
    from flows.settings.errors import QueryError
    from transforms.schema import PUBLISHED

    if query == "list":
        click.echo("\n".join(NAMED))
        return
    if query not in NAMED and " " not in query.strip():
        tables = [table.name for table in PUBLISHED]
        hint = f' Did you mean "FROM {query}"?' if query in tables else _nearest(query, (*NAMED, *tables))
        message = f"no named query {query!r}; expected one of {', '.join(NAMED)}, or SQL in quotes.{hint}"
        raise click.UsageError(message)
    if as_of_at and "as_of_at" not in getattr(NAMED.get(query), "parameters", ()):
        raise click.UsageError(
            f"--as-of is for as_of, which has an instant as a parameter; {query!r} has none"
        )
    dates = Dates(*_date_range(from_range, to_range))
    settings = load_settings()
    database, limits = database_path(settings), _limits_of(settings, is_restricted=not unrestricted)
    try:
        if query in NAMED:
            instant = as_of_at or utc_now()
            size = settings.min_group_size
            rows = run_named(database, query, dates, instant, min_group_size=size, limits=limits)
        else:
            rows = run_sql(database, query, limits=limits)
        text = render(rows, output, draws_lines=draws_lines(), is_raw=raw)
    except QueryError as error:
        raise _RefusedQueryError(error) from error
    if output == "table":
        click.echo(text)
    else:
        write_data(text)


def _limits_of(settings: Any, *, is_restricted: bool = True) -> Any:
    """Return the limits of a query with these settings."""
    from flows.report.queries import QueryLimits

    memory = settings.memory_limit or QueryLimits.memory
    return QueryLimits(settings.query_seconds, memory, is_restricted)


@click.command()
@click.argument("name", default="fct_ooo_entries", shell_complete=_complete_from(_export_names))
@click.option(
    "--format",
    "output_format",
    type=click.Choice(EXPORT_FORMATS),
    default="parquet",
    show_default=True,
    help="The format of the file.",
)
@_FROM
@_TO
@_RAW
@click.option("--reason", help="Only rows with this reason code, such as sick.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. [default: NAME and the format, in this folder]",
)
def export(  # noqa: PLR0913 - the options of the command
    *,
    name: str,
    output_format: str,
    from_range: _Range,
    to_range: _Range,
    reason: str | None,
    output: Path | None,
    raw: bool,
) -> None:
    """Write a published table or a named query to a file.

    The file is Parquet, CSV or Excel. Of the entries, it has those that overlap the range and are not deleted.
    CSV is for Excel: it has a byte order mark, and an apostrophe before cells that would be executed.

    \b
      ooo export --format xlsx --from 2026-01-01 --to 2026-12-31 --reason vacation
      ooo export absence_by_month --format csv --from 2025-01-01 --to 2026-12-31
    """
    from flows.report.export import EXPORTABLE, Format, select_rows, write_rows
    from flows.report.queries import Dates
    from flows.settings import load_settings
    from flows.settings.data_folder import database_path
    from flows.settings.errors import QueryError

    if name not in EXPORTABLE:
        raise click.UsageError(
            f"no published table or named query {name!r}; expected one of {', '.join(EXPORTABLE)}."
            f"{_nearest(name, EXPORTABLE)}"
        )
    dates = Dates(*_date_range(from_range, to_range))
    path = output or Path(f"{name}.{output_format}")
    try:
        settings = load_settings()
        rows = select_rows(
            database_path(settings),
            name,
            dates,
            reason,
            min_group_size=settings.min_group_size,
            limits=_limits_of(settings),
        )
        write_rows(rows, path, Format(output_format), is_raw=raw)
    except QueryError as error:
        raise _RefusedQueryError(error) from error
    write_text(f"{rows.height:,} rows written to {path}")


@click.command()
@json_option("object")
@click.option(
    "--max-age-hours",
    type=click.FloatRange(min=0),
    help="Exit with code 16 if the newest snapshot is older.",
)
def status(*, as_json: bool, max_age_hours: float | None) -> None:
    """Show how fresh and complete the published tables are.

    \b
      ooo status
      ooo status --max-age-hours 26 || mail -s "out-of-office tables are stale" data@example.com
    """
    from flows.report.status import raise_if_older, read_status, status_text
    from flows.settings import load_settings

    facts = read_status(load_settings())
    write_text(json.dumps(facts, default=str, indent=2) if as_json else status_text(facts))
    if max_age_hours is not None:
        raise_if_older(facts, timedelta(hours=max_age_hours))


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. [default: in reports/ under OOO_DATA_DIR]",
)
def report(*, output: Path | None) -> None:
    """Write the report page about the published tables.

    The page is one HTML file that needs no network.

    \b
      ooo report --output friday.html
    """
    from flows.report.export import open_output
    from flows.report.page import report_path, write_report
    from flows.settings import load_settings
    from flows.settings.data_folder import database_path
    from flows.settings.permissions import created_with

    settings = load_settings()
    path = output or report_path(settings)
    with created_with(settings.file_permissions):
        if output is None:
            write_report(database_path(settings), path)
        else:
            with open_output(path) as temporary:
                write_report(database_path(settings), temporary)
    write_text(str(path))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print the script that completes `ooo` in a shell.

    \b
      ooo completion bash >> ~/.bashrc
    """
    complete = get_completion_class(shell)
    if complete is not None:
        click.echo(complete(context.find_root().command, {}, "ooo", "_OOO_COMPLETE").source())
