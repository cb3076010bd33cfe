"""The `ooo` command: one line of help by example for each command, and one exit code for each way to end."""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import get_completion_class

from calcom.strategy import Strategy
from flows import pipeline
from flows.console import SilentObserver, named_lines, show_progress
from flows.errors import QueryError, exit_code_of
from flows.modes import Share, created_for
from flows.query import NAMED, render, run_query
from flows.settings import load_settings
from flows.terminal import close_quietly, draws_lines, survive_narrow_encodings, write_data

EXIT_CODES = """\b
Exit codes:
  0 done           2 usage            10 configuration   11 credentials
  12 source unavailable   13 protocol   14 transform     15 warehouse
  16 guard (mass delete, quarantine limit, audit)
  17 partial (some scopes failed or unproven, the rest published)"""

_STRATEGIES = click.Choice([strategy.value for strategy in Strategy])


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="calcom-ooo-warehouse", prog_name="ooo")
@click.pass_context
def cli(context: click.Context) -> None:
    """Cal.com's out-of-office entries as tables you can trust, in DuckDB and Parquet.

    \b
      ooo demo                                   try it on an invented organization
      CALCOM_API_KEY=cal_… ooo sync              read, load and publish to ./data
      ooo query absence_by_reason --from 2026-01-01 --to 2026-12-31
    """  # noqa: D301 - \b is click's own mark
    context.with_resource(created_for(Share.OWNER))


@cli.command()
@click.option("--strategy", type=_STRATEGIES, default="auto", show_default=True, help="How entries are read.")
@click.option("--allow-mass-delete", is_flag=True, help="Load even if most entries would be deleted.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, the run summary.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def sync(context: click.Context, strategy: str, allow_mass_delete: bool, as_json: bool, quiet: bool) -> None:  # noqa: FBT001
    """Read the organization, load what is proved, publish it.

    \b
      CALCOM_API_KEY=cal_… ooo sync
      ooo sync --strategy per-user --json | jq .rows
    """  # noqa: D301
    settings = load_settings()
    with show_progress(is_quiet=quiet) as observer:
        summary = pipeline.sync(
            settings,
            strategy=Strategy(strategy),
            observer=observer,
            allows_mass_delete=allow_mass_delete,
        )
    click.echo(json.dumps(summary.as_json(), indent=2) if as_json else summary.as_text())
    context.exit(summary.exit_code)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def maintain(as_json: bool) -> None:  # noqa: FBT001
    """Clear away old landings and pending purges, and compact warehouse.duckdb; no row changes.

    \b
      ooo maintain
    """  # noqa: D301
    from flows import maintenance  # noqa: PLC0415 - the other commands start without it

    done = maintenance.maintain(load_settings())
    click.echo(json.dumps(done.as_json(), indent=2) if as_json else done.as_text())


@cli.group()
def fleet() -> None:
    """Many organizations in one warehouse, each with a credential of its own.

    \b
      ooo fleet sync orgs.toml
    """  # noqa: D301


@fleet.command("sync")
@click.argument("organizations", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--allow-mass-delete", is_flag=True, help="Load even if most entries would be deleted.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, the fleet's summary.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def fleet_sync(
    context: click.Context,
    organizations: Path,
    allow_mass_delete: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
) -> None:
    """Read every organization of a TOML file, several at once; load one by one, publish once.

    \b
      ooo fleet sync orgs.toml --json | jq .organizations
    """  # noqa: D301
    from flows.fleet_pipeline import sync_fleet  # noqa: PLC0415 - the other commands start without it
    from flows.organizations import read_organizations  # noqa: PLC0415 - as above

    summary = sync_fleet(
        load_settings(),
        read_organizations(organizations),
        read_block=_read_block,
        observer_for=lambda name: SilentObserver() if quiet else named_lines(name),
        allows_mass_delete=allow_mass_delete,
    )
    click.echo(json.dumps(summary.as_json(), indent=2) if as_json else summary.as_text())
    context.exit(summary.exit_code)


def _read_block(name: str) -> Any:
    from flows.blocks import read_block  # noqa: PLC0415 - Prefect takes seconds, and only a block needs it

    return read_block(name)


@cli.command()
def plan() -> None:
    """Say what a sync would cost, in requests and minutes, for each strategy.

    \b
      ooo plan
    """  # noqa: D301
    from flows.plan import make_plan  # noqa: PLC0415 - the other commands start without it

    click.echo(make_plan(load_settings()).as_text())


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--max-age-hours", type=click.FloatRange(min=0), help="End with 16 if the snapshot is older.")
def status(as_json: bool, max_age_hours: float | None) -> None:  # noqa: FBT001
    """Say how fresh and how whole the published tables are.

    \b
      ooo status
      ooo status --max-age-hours 26 || mail -s "out-of-office tables are stale" data@example.com
    """  # noqa: D301
    from flows.status import (  # noqa: PLC0415 - the other commands start without it
        raise_if_older,
        read_status,
        status_text,
    )

    found = read_status(load_settings())
    click.echo(json.dumps(found, default=str, indent=2) if as_json else status_text(found))
    if max_age_hours is not None:
        raise_if_older(found, timedelta(hours=max_age_hours))


def _this_year(month_and_day: str) -> Callable[[], str]:
    return lambda: f"{datetime.now(UTC).year}-{month_and_day}"


_DAY = click.DateTime(["%Y-%m-%d"])
_FROM = click.option(
    "--from",
    "from_date",
    type=_DAY,
    default=_this_year("01-01"),
    help="First day, included. [default: 1 January]",
)
_TO = click.option(
    "--to",
    "to_date",
    type=_DAY,
    default=_this_year("12-31"),
    help="Last day, included. [default: 31 December]",
)


def _exportable() -> Iterable[str]:
    from flows.export import EXPORTABLE  # noqa: PLC0415 - the other commands start without it

    return EXPORTABLE


def _completing(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    """Completes a word by `names`, in a shell that has learnt to (see `ooo completion`)."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        del context, parameter
        return [name for name in names() if name.startswith(incomplete)]

    return complete


@cli.command()
@click.argument("query", shell_complete=_completing(lambda: NAMED))
@_FROM
@_TO
@click.option(
    "--as-of",
    "as_of_at",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]),
    help="For as_of: the instant, UTC; a date alone is its first. [default: now]",
)
@click.option("--output", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def query(query: str, from_date: datetime, to_date: datetime, as_of_at: datetime | None, output: str) -> None:
    """Ask the published database: a named query, or SQL in quotes. `ooo query list` names them.

    \b
      ooo query who_is_out --from 2026-12-21 --to 2026-12-31
      ooo query as_of --as-of 2026-03-01 --from 2026-04-01 --to 2026-04-30
      ooo query "SELECT count(*) FROM fct_ooo_entries" --output json
    """  # noqa: D301
    if query == "list":
        click.echo("\n".join(NAMED))
        return
    if query not in NAMED and " " not in query.strip():
        message = f"no named query {query!r}; expected one of {', '.join(NAMED)}, or SQL in quotes"
        raise click.UsageError(message)
    if as_of_at and "as_of_at" not in getattr(NAMED.get(query), "parameters", ()):
        raise click.UsageError(f"--as-of is for as_of, which shows what was known then; {query!r} takes none")
    settings = load_settings()
    database, min_group_size = settings.data_dir / "ooo.duckdb", settings.min_group_size
    known_at = as_of_at or datetime.now(UTC).replace(tzinfo=None)
    try:
        rows = run_query(
            database, query, from_date.date(), to_date.date(), known_at, min_group_size=min_group_size
        )
        text = render(rows, output, draws_lines=draws_lines())
    except QueryError as error:
        raise click.UsageError(str(error)) from error
    if output == "table":
        click.echo(text)
    else:
        write_data(text)


@cli.command()
@click.argument("what", default="fct_ooo_entries", shell_complete=_completing(_exportable))
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
def export(  # noqa: PLR0913, PLR0917 - the command's own options
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
    """  # noqa: D301
    from flows.export import EXPORTABLE, Cut, Format, select_rows, write_rows  # noqa: PLC0415 - as above

    if what not in EXPORTABLE:
        raise click.UsageError(
            f"nothing called {what!r} is published; expected one of {', '.join(EXPORTABLE)}"
        )
    chosen = Format(output_format)
    path = output or Path(f"{what}.{chosen}")
    try:
        settings = load_settings()
        rows = select_rows(
            settings.data_dir / "ooo.duckdb",
            what,
            Cut(from_date.date(), to_date.date(), reason),
            min_group_size=settings.min_group_size,
        )
        write_rows(rows, path, chosen)
    except QueryError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{rows.height:,} rows to {path}")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Examine whether a sync can work here: settings, disk, locks, versions, clock, credential, role.

    \b
      ooo doctor
    """  # noqa: D301
    from flows.doctor import as_text, examine, exit_code  # noqa: PLC0415 - the other commands start without it

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            click.echo(as_text(finding))
    if as_json:
        write_data(json.dumps([asdict(one) for one in findings], indent=2))
    context.exit(exit_code(findings))


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes `ooo` in a shell.

    \b
      ooo completion bash >> ~/.bashrc
    """  # noqa: D301
    made = get_completion_class(shell)
    if made is not None:
        click.echo(made(cli, {}, "ooo", "_OOO_COMPLETE").source())


@cli.command("erase-user")
@click.argument("user_id", type=click.IntRange(min=1))
@click.option("--organization-id", type=click.IntRange(min=1), help="If several organizations know them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase_user(user_id: int, organization_id: int | None, yes: bool) -> None:  # noqa: FBT001
    """Remove a person from every table and file here, and keep them out of every later sync.

    USER_ID is Cal.com's id of the person, as in dim_people. What readers copied elsewhere is theirs to erase.

    \b
      ooo erase-user 4711
    """  # noqa: D301
    from flows.erasure import erase_user as erase  # noqa: PLC0415 - the other commands start without it

    settings = load_settings()
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("erasing asks for consent: run it on a terminal, or give --yes")
        question = f"Erase user {user_id} from {settings.data_dir}, their entries and history, for good?"
        if not click.confirm(question, err=True):
            raise click.UsageError("nothing was erased")
    click.echo(erase(settings, user_id, organization_id).as_text())


@cli.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it. [default: reports/ under OOO_DATA_DIR]",
)
def report(output: Path | None) -> None:
    """Write the report page about what is published: one HTML file that needs no network.

    \b
      ooo report --output friday.html
    """  # noqa: D301
    from flows.report.page import report_path, write_report  # noqa: PLC0415 - as above

    settings = load_settings()
    path = output or report_path(settings)
    with created_for(settings.share):
        write_report(settings.data_dir / "ooo.duckdb", path)
    click.echo(path)


@cli.command()
@click.option("--people", default=250, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--years", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--seed", default=1, show_default=True)
@click.option("--quiet", is_flag=True, help="Show no progress.")
def demo(people: int, years: int, seed: int, quiet: bool) -> None:  # noqa: FBT001
    """Run the whole pipeline on an invented organization, into demo/ under OOO_DATA_DIR.

    \b
      ooo demo
    """  # noqa: D301
    from flows.demo import run_demo  # noqa: PLC0415 - the other commands start without the simulator

    data_dir = load_settings().data_dir / "demo"
    run_demo(data_dir, people=people, years=years, seed=seed, is_quiet=quiet, write=click.echo)


@cli.command()
@click.option("--people", default=250, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--years", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--seed", default=1, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8642, show_default=True, type=click.IntRange(0, 65535))
@click.option("--api-key", default="cal_simulator_owner", show_default=True, help="The owner's key.")
@click.option("--no-limit", is_flag=True, help="Switch the rate limit off.")
def simulate(  # noqa: PLR0913, PLR0917 - the simulator's own knobs
    people: int,
    years: int,
    seed: int,
    host: str,
    port: int,
    api_key: str,
    no_limit: bool,  # noqa: FBT001
) -> None:
    """Serve an invented organization as Cal.com would, until interrupted.

    \b
      ooo simulate --port 8642 &
      CALCOM_API_URL=http://127.0.0.1:8642 CALCOM_API_KEY=cal_simulator_owner ooo sync
    """  # noqa: D301
    from calcom.simulator import Limits, Simulator, World, run_forever  # noqa: PLC0415 - as above

    world = World.generate(seed=seed, people=people, years=years)
    simulator = Simulator(world, api_key=api_key, limits=None if no_limit else Limits())

    def announce(url: str) -> None:
        click.echo(f"{len(world.users()):,} people, {len(world.entries()):,} entries at {url}")
        click.echo(f"CALCOM_API_URL={url} CALCOM_API_KEY={api_key} ooo sync")

    run_forever(simulator, host, port, on_ready=announce)


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
    except Exception as error:
        code = exit_code_of(error)
        if code == 1:
            raise
        _report(error, code, as_json="--json" in arguments)
    sys.exit(code if isinstance(code, int) else 0)


def _report(error: Exception, code: int, *, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = {"outcome": "failed", "exit_code": code, "error": str(error)}
        click.echo(json.dumps(facts, indent=2))
    click.echo(f"error: {error}", err=True)
