"""What can be asked of what is published, and of a sync before it runs.

`ooo query`, `ooo export`, `ooo status`, `ooo report` and `ooo plan`.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from flows.cli.options import json_option
from flows.cli.terminal import draws_lines, write_data
from flows.report.export import EXPORTABLE, Format, select_rows, write_rows
from flows.report.page import report_path, write_report
from flows.report.queries import NAMED, Dates, render, run_named, run_sql
from flows.report.status import raise_if_older, read_status, status_text
from flows.run.clock import utc_now
from flows.run.data_folder import database_path
from flows.run.plan import make_plan
from flows.settings import load_settings
from flows.settings.errors import QueryError
from flows.settings.permissions import created_with

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any] | click.Command)


def _day_option(name: str, which: str, month_and_day: str, shown: str) -> Callable[[_Decorated], _Decorated]:
    """A day of this year, if none is given."""
    return click.option(
        f"--{name}",
        f"{name}_date",
        type=click.DateTime(["%Y-%m-%d"]),
        default=lambda: f"{datetime.now(UTC).year}-{month_and_day}",
        help=f"{which} day, included. [default: {shown}]",
    )


_FROM = _day_option("from", "First", "01-01", "1 January")
_TO = _day_option("to", "Last", "12-31", "31 December")


def _completing(names: Iterable[str]) -> Callable[..., list[str]]:
    """Completes a word by `names`, in a shell that has learnt to (see `ooo completion`)."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        del context, parameter
        return [name for name in names if name.startswith(incomplete)]

    return complete


@click.command()
@click.argument("query", shell_complete=_completing(NAMED))
@_FROM
@_TO
@click.option(
    "--as-of",
    "as_of_at",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]),
    help="For as_of: the instant, UTC; a date alone is its first. [default: now]",
)
@click.option("--output", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def query(
    *, query: str, from_date: datetime, to_date: datetime, as_of_at: datetime | None, output: str
) -> None:
    """Ask the published database: a named query, or SQL in quotes. `ooo query list` names them.

    \b
      ooo query who_is_out --from 2026-12-21 --to 2026-12-31
      ooo query as_of --as-of 2026-03-01 --from 2026-04-01 --to 2026-04-30
      ooo query "SELECT count(*) FROM fct_ooo_entries" --output json
    """
    if query == "list":
        click.echo("\n".join(NAMED))
        return
    if query not in NAMED and " " not in query.strip():
        message = f"no named query {query!r}; expected one of {', '.join(NAMED)}, or SQL in quotes"
        raise click.UsageError(message)
    if as_of_at and "as_of_at" not in getattr(NAMED.get(query), "parameters", ()):
        raise click.UsageError(f"--as-of is for as_of, which shows what was known then; {query!r} takes none")
    settings = load_settings()
    database, dates = database_path(settings), Dates(from_date.date(), to_date.date())
    try:
        if query in NAMED:
            known_at = as_of_at or utc_now()
            rows = run_named(database, query, dates, known_at, min_group_size=settings.min_group_size)
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
@click.argument("what", default="fct_ooo_entries", shell_complete=_completing(EXPORTABLE))
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["parquet", "csv", "xlsx"]),
    default="parquet",
    show_default=True,
)
@_FROM
@_TO
@click.option("--reason", help="Only rows of this reason code, such as sick.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. [default: WHAT and the format, here]",
)
def export(  # noqa: PLR0913 - the command's own options
    *,
    what: str,
    output_format: str,
    from_date: datetime,
    to_date: datetime,
    reason: str | None,
    output: Path | None,
) -> None:
    """Write a published table, or a named query's answer, as one file: Parquet, CSV or Excel.

    Entries are those that touch the dates and are not deleted.

    \b
      ooo export --format xlsx --from 2026-01-01 --to 2026-12-31 --reason vacation
      ooo export absence_by_month --format csv --from 2025-01-01 --to 2026-12-31
    """
    if what not in EXPORTABLE:
        raise click.UsageError(
            f"nothing called {what!r} is published; expected one of {', '.join(EXPORTABLE)}"
        )
    chosen = Format(output_format)
    path = output or Path(f"{what}.{chosen}")
    try:
        settings = load_settings()
        rows = select_rows(
            database_path(settings),
            what,
            Dates(from_date.date(), to_date.date()),
            reason,
            min_group_size=settings.min_group_size,
        )
        write_rows(rows, path, chosen)
    except QueryError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{rows.height:,} rows to {path}")


@click.command()
@json_option("object")
@click.option("--max-age-hours", type=click.FloatRange(min=0), help="End with 16 if the snapshot is older.")
def status(*, as_json: bool, max_age_hours: float | None) -> None:
    """Say how fresh and how whole the published tables are.

    \b
      ooo status
      ooo status --max-age-hours 26 || mail -s "out-of-office tables are stale" data@example.com
    """
    found = read_status(load_settings())
    click.echo(json.dumps(found, default=str, indent=2) if as_json else status_text(found))
    if max_age_hours is not None:
        raise_if_older(found, timedelta(hours=max_age_hours))


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it. [default: reports/ under OOO_DATA_DIR]",
)
def report(*, output: Path | None) -> None:
    """Write the report page about what is published: one HTML file that needs no network.

    \b
      ooo report --output friday.html
    """
    settings = load_settings()
    path = output or report_path(settings)
    with created_with(settings.file_permissions):
        write_report(database_path(settings), path)
    click.echo(path)


@click.command()
def plan() -> None:
    """Say what a sync would cost, in requests and minutes, for each strategy.

    \b
      ooo plan
    """
    click.echo(make_plan(load_settings()).as_text())
