"""The commands that read the published tables, and the shell completion: query, export, status, report, completion.

The body of each command imports the function that it calls, so that the help and each command load only the
libraries that they use.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import get_completion_class

from flows.cli.terminal import draws_lines, json_option, write_data

EXPORT_FORMATS = ("parquet", "csv", "xlsx")
"""The values of `flows.report.export.Format`, whose module loads Polars; a test compares the two."""

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any] | click.Command)


def _day_option(
    name: str, position: str, month_and_day: str, default: str
) -> Callable[[_Decorated], _Decorated]:
    """Return the option for an end of a date range. Its default is a day of the current year."""
    return click.option(
        f"--{name}",
        f"{name}_date",
        type=click.DateTime(["%Y-%m-%d"]),
        default=lambda: f"{datetime.now(UTC).year}-{month_and_day}",
        help=f"{position} day of the range, included. [default: {default} of this year]",
    )


_FROM = _day_option("from", "First", "01-01", "1 January")
_TO = _day_option("to", "Last", "12-31", "31 December")


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
def query(
    *, query: str, from_date: datetime, to_date: datetime, as_of_at: datetime | None, output: str
) -> None:
    """Query the published database by name or with SQL.

    QUERY is a named query, or SQL in quotes. `ooo query list` prints the names.

    \b
      ooo query who_is_out --from 2026-12-21 --to 2026-12-31
      ooo query as_of --as-of 2026-03-01 --from 2026-04-01 --to 2026-04-30
      ooo query "SELECT count(*) FROM fct_ooo_entries" --output json
    """
    from flows.report.queries import NAMED, Dates, render, run_named, run_sql
    from flows.settings import load_settings
    from flows.settings.clock import utc_now
    from flows.settings.data_folder import database_path
    from flows.settings.errors import QueryError

    if query == "list":
        click.echo("\n".join(NAMED))
        return
    if query not in NAMED and " " not in query.strip():
        message = f"no named query {query!r}; expected one of {', '.join(NAMED)}, or SQL in quotes"
        raise click.UsageError(message)
    if as_of_at and "as_of_at" not in getattr(NAMED.get(query), "parameters", ()):
        raise click.UsageError(
            f"--as-of is for as_of, which has an instant as a parameter; {query!r} has none"
        )
    settings = load_settings()
    database, dates = database_path(settings), Dates(from_date.date(), to_date.date())
    try:
        if query in NAMED:
            instant = as_of_at or utc_now()
            rows = run_named(database, query, dates, instant, min_group_size=settings.min_group_size)
        else:
            rows = run_sql(database, query)
        text = render(rows, output, draws_lines=draws_lines())
    except QueryError as error:
        raise click.UsageError(str(error)) from error
    if output == "table":
        click.echo(text)
    else:
        write_data(text)


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
    from_date: datetime,
    to_date: datetime,
    reason: str | None,
    output: Path | None,
) -> None:
    """Write a published table or a named query to a file.

    The file is Parquet, CSV or Excel. Of the entries, it has those that overlap the range and are not deleted.

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
            f"no published table or named query {name!r}; expected one of {', '.join(EXPORTABLE)}"
        )
    path = output or Path(f"{name}.{output_format}")
    try:
        settings = load_settings()
        rows = select_rows(
            database_path(settings),
            name,
            Dates(from_date.date(), to_date.date()),
            reason,
            min_group_size=settings.min_group_size,
        )
        write_rows(rows, path, Format(output_format))
    except QueryError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{rows.height:,} rows written to {path}")


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
    click.echo(json.dumps(facts, default=str, indent=2) if as_json else status_text(facts))
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
    from flows.report.page import report_path, write_report
    from flows.settings import load_settings
    from flows.settings.data_folder import database_path
    from flows.settings.permissions import created_with

    settings = load_settings()
    path = output or report_path(settings)
    with created_with(settings.file_permissions):
        write_report(database_path(settings), path)
    click.echo(path)


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
