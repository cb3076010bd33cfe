"""The commands that return published rows: query and export.

The body of each command imports the function that it calls, so that the help and each command load only the
libraries that they use.
"""

import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.cli.dates import as_of_option
from flows.cli.options import (
    RowOptions,
    complete_from,
    nearest,
    raw_option,
    refuse_own_file,
    refusing,
    row_options,
)
from flows.cli.terminal import draws_lines, table_width, write_data, write_notes, write_text

if TYPE_CHECKING:
    import polars as pl

    from flows.settings import Settings

EXPORT_FORMATS = ("parquet", "csv", "xlsx")
"""The values of `flows.report.export.Format`, whose module loads Polars; a test compares the two."""

QUERY_FORMATS = ("table", "csv", "json")
"""The formats of `ooo query`."""


def _query_names() -> Iterable[str]:
    from flows.report.queries import NAMED

    return (*NAMED, "list")


def _export_names() -> Iterable[str]:
    from flows.report.export import EXPORTABLE

    return EXPORTABLE


@click.command()
@click.argument("query", shell_complete=complete_from(_query_names))
@row_options
@as_of_option
@click.option(
    "--format",
    "output_format",
    type=click.Choice(QUERY_FORMATS),
    help="The format of the output. [default: by the ending of --output, else table]",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. [default: standard output]",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help="The largest number of rows to show. [default: 100 in a table, else all]",
)
@raw_option
@click.option(
    "--unrestricted",
    is_flag=True,
    help="Run any SQL, without limits: it can read and write the files of this user.",
)
def query(  # noqa: PLR0913 - the options of the command
    *,
    query: str,
    chosen: RowOptions,
    as_of_at: datetime | None,
    output_format: str | None,
    output: Path | None,
    limit: int | None,
    raw: bool,
    unrestricted: bool,
) -> None:
    """Query the published database by name or with SQL.

    QUERY is a named query, or SQL in quotes. `ooo query list` describes the named queries.
    SQL reads the published tables alone.

    \b
      ooo query who_is_out
      ooo query who_is_out --from next-week --team Engineering
      ooo query absence_by_month --from last-year --reason sick
      ooo query as_of --as-of 2026-03-01 --from 2026-04
      ooo query "SELECT count(*) FROM fct_ooo_entries" --format json
    """
    from flows.report.queries import NAMED, run_sql
    from flows.report.render import render
    from flows.settings import load_settings
    from flows.settings.data_folder import database_path

    if query == "list":
        click.echo(_list_of_queries())
        return
    if query not in NAMED:
        _raise_unless_sql(query, chosen)
    if as_of_at and "as_of_at" not in getattr(NAMED.get(query), "parameters", ()):
        message = f"--as-of is for as_of, which has an instant as a parameter; {query!r} has none"
        raise click.UsageError(message)
    output_format, output = _settle_output(output_format, output)
    settings = load_settings()
    refuse_own_file(output, settings)
    with refusing():
        if query in NAMED:
            rows, notes = _answer(settings, query, chosen, as_of_at)
        else:
            limits = _limits_of(settings, is_restricted=not unrestricted)
            rows, notes = run_sql(database_path(settings), query, limits=limits), []
        width = table_width() if output is None else None
        text = render(rows, output_format, draws_lines=draws_lines(), is_raw=raw, width=width, limit=limit)
    _write_text(text, output_format, output)
    if output_format == "table" or sys.stderr.isatty():  # a program reads the others
        write_notes(notes)


def _list_of_queries() -> str:
    """Return the names of the named queries, each with its purpose below it."""
    from flows.report.queries import NAMED

    lines = []
    for measure in sorted(NAMED.values(), key=lambda measure: measure.name):
        purpose = re.sub(
            r" between from_date and to_date, both inclusive|, both inclusive", "", measure.purpose
        )
        purpose = purpose.replace("the range from from_date to to_date", "the range")
        sentence = purpose.removeprefix("Return ").partition(". ")[0].rstrip(".") + "."
        width = min(table_width() or 100, 100)
        lines += [
            measure.name,
            *textwrap.wrap(
                sentence[0].upper() + sentence[1:], width, initial_indent="    ", subsequent_indent="    "
            ),
        ]
    return "\n".join(lines)


def _raise_unless_sql(query: str, chosen: RowOptions) -> None:
    """Raise `UsageError` for a name that no query has, and for SQL with options that choose rows."""
    from flows.report.queries import NAMED
    from transforms.schema import PUBLISHED
    from warehouse.publish.views import find_views

    if " " not in query.strip():
        tables = [*(table.name for table in PUBLISHED), *(view.name for view in find_views())]
        hint = f' Did you mean "FROM {query}"?' if query in tables else nearest(query, (*NAMED, *tables))
        message = f"no named query {query!r}.{hint} Expected one of {', '.join(NAMED)}, or SQL in quotes"
        raise click.UsageError(message)
    if options := chosen.used():
        message = f"{' and '.join(options)} choose the rows of a named query; write the condition in the SQL"
        raise click.UsageError(message)


def _settle_output(output_format: str | None, output: Path | None) -> tuple[str, Path | None]:
    """Return the format and the file. A format as the value of --output is the former name of --format."""
    if str(output) in QUERY_FORMATS:
        return output_format or str(output), None
    ending = _ending_of(output)
    if ending in ("parquet", "xlsx") and output_format is None:
        raise click.UsageError(f"a query is not written as {ending}; use `ooo export --format {ending}`")
    return output_format or _format_of(ending, (*QUERY_FORMATS, "txt"), "table"), output


def _ending_of(output: Path | None) -> str:
    return output.suffix.removeprefix(".").lower() if output else ""


def _format_of(ending: str, formats: Sequence[str], default: str) -> str:
    """Return the format for the ending of a file. Raise `UsageError` for an ending of another format."""
    if ending and ending not in formats:
        message = (
            f"no format has the ending .{ending}; expected one of {', '.join(f'.{name}' for name in formats)}"
        )
        raise click.UsageError(f"{message}, or the option --format")
    return default if ending in ("", "txt") else ending


def _answer(
    settings: "Settings", query: str, chosen: RowOptions, as_of_at: datetime | None
) -> "tuple[pl.DataFrame, list[str]]":
    """Return the rows of the named query, and the sentences about rows that are not shown."""
    from flows.report.explanations import explain, split_public_holidays
    from flows.report.queries import Dates, run_named
    from flows.settings.clock import utc_now
    from flows.settings.data_folder import database_path

    dates, filters, limits = Dates(*chosen.range_for(query)), chosen.filters(), _limits_of(settings)
    rows = run_named(
        database_path(settings),
        query,
        dates,
        as_of_at or utc_now(),
        filters=filters,
        min_group_size=settings.min_group_size,
        limits=limits,
    )
    notes: list[str] = []
    if chosen.leaves_out_public_holidays(query):
        rows, note = split_public_holidays(rows)
        notes += note
    return rows, notes + explain(database_path(settings), dates, filters, rows, limits=limits)


def _write_text(text: str, output_format: str, output: Path | None) -> None:
    if output is not None:
        from flows.report.export import open_output

        with open_output(output) as content:
            content.write(f"{text}\n".encode("utf-8", "replace"))
        write_text(f"written to {output}")
    elif output_format == "table":
        click.echo(text)
    else:
        write_data(text)


def _limits_of(settings: "Settings", *, is_restricted: bool = True) -> Any:
    """Return the limits of a query with these settings."""
    from flows.report.queries import QueryLimits

    memory = settings.memory_limit or QueryLimits.memory
    return QueryLimits(settings.query_seconds, memory, is_restricted)


@click.command()
@click.argument("name", default="fct_ooo_entries", shell_complete=complete_from(_export_names))
@row_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(EXPORT_FORMATS),
    help="The format of the file. [default: by the ending of --output, else parquet]",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. [default: NAME and the format, in this folder]",
)
@raw_option
@click.option(
    "--for-people",
    "is_for_people",
    is_flag=True,
    help="Write names and labels, columns in words, and the ids last; instead of the table as it is published.",
)
def export(  # noqa: PLR0913 - the options of the command
    *,
    name: str,
    chosen: RowOptions,
    output_format: str | None,
    output: Path | None,
    raw: bool,
    is_for_people: bool,
) -> None:
    """Write a published table or a named query to a file.

    The file is Parquet, CSV or Excel. Of the entries, it has those that overlap the range and are not deleted.
    CSV is for Excel: it has a byte order mark, and an apostrophe before cells that would be executed.

    \b
      ooo export --for-people --format xlsx --from this-year
      ooo export --format csv --from this-year --reason vacation
      ooo export absence_by_month --format csv --from last-year --to this-year
    """
    from calcom.wording import count_of
    from flows.report.explanations import explain, split_public_holidays
    from flows.report.export import (
        EXPORTABLE,
        Format,
        name_for_people,
        select_rows,
        shape_rows,
        write_rows,
    )
    from flows.report.queries import Dates
    from flows.settings import load_settings
    from flows.settings.data_folder import database_path

    if name not in EXPORTABLE:
        message = f"no published table or named query {name!r}; expected one of {', '.join(EXPORTABLE)}."
        raise click.UsageError(f"{message}{nearest(name, EXPORTABLE)}")
    name = name_for_people(name) if is_for_people else name
    dates, filters = Dates(*chosen.range_for(name)), chosen.filters()
    output_format = output_format or _format_of(_ending_of(output), EXPORT_FORMATS, "parquet")
    path = output or Path(f"{name}.{output_format}")
    settings = load_settings()
    refuse_own_file(path, settings)
    database, limits, size = database_path(settings), _limits_of(settings), settings.min_group_size
    with refusing():
        rows = select_rows(database, name, dates, filters, min_group_size=size, limits=limits)
        notes: list[str] = []
        if chosen.leaves_out_public_holidays(name):
            rows, notes = split_public_holidays(rows)
        written = shape_rows(database, rows, limits=limits) if is_for_people else rows
        write_rows(written, path, Format(output_format), is_raw=raw)
        notes += explain(database, dates, filters, rows, limits=limits)
    write_text(f"{count_of(rows.height, 'row')} written to {path}")
    write_notes(notes)
