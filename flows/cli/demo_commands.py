"""The commands for an invented organization: demo, simulate.

The body of each command imports the function that it calls, so that the help and each command load only the
libraries that they use.
"""

import shutil
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from calcom.errors import ExitCode
from calcom.wording import count_of
from flows.cli.signals import signal_code
from flows.cli.terminal import QUIET

_PEOPLE = click.option(
    "--people",
    default=250,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="The number of people of the organization.",
)
_YEARS = click.option(
    "--years",
    default=3,
    show_default=True,
    type=click.IntRange(1, 20),
    help="The number of years with entries.",
)
_SEED = click.option("--seed", default=1, show_default=True, help="The seed of the random entries.")


@click.command()
@_PEOPLE
@_YEARS
@_SEED
@QUIET
def demo(*, people: int, years: int, seed: int, quiet: bool) -> None:
    """Run the pipeline on an invented organization.

    The files are written to the folder demo/ under OOO_DATA_DIR.

    \b
      ooo demo
    """
    from flows.settings import load_settings

    _run_demo(load_settings().data_dir / "demo", people=people, years=years, seed=seed, is_quiet=quiet)


@click.command()
@_PEOPLE
@_YEARS
@_SEED
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    default=8642,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port to listen on; 0 takes any free port.",
)
@click.option("--api-key", help="The API key of the owner. [default: the key of the example]")
@click.option("--no-limit", is_flag=True, help="Switch the rate limit off.")
def simulate(  # noqa: PLR0913 - the options of the simulator
    *, people: int, years: int, seed: int, host: str, port: int, api_key: str | None, no_limit: bool
) -> None:
    """Serve an invented organization over Cal.com's API.

    The server runs until it is interrupted.

    \b
      ooo simulate --port 8642 &
      CALCOM_API_URL=http://127.0.0.1:8642 CALCOM_API_KEY=cal_simulator_owner ooo sync
    """
    import asyncio

    from calcom.simulator import OWNER_KEY, Limits, Simulator, World, run_forever

    world = World.generate(seed=seed, people=people, years=years)
    key = OWNER_KEY if api_key is None else api_key
    simulator = Simulator(world, api_key=key, limits=None if no_limit else Limits())

    def announce(url: str) -> None:
        people = count_of(len(world.users()), "person", "people")
        click.echo(f"{people}, {count_of(len(world.entries()), 'entry', 'entries')} at {url}")
        click.echo(f"CALCOM_API_URL={url} CALCOM_API_KEY={key} ooo sync")

    try:
        run_forever(simulator, host, port, on_ready=announce)
    except asyncio.CancelledError:  # a signal; Ctrl-C is the usual end of the server
        if signal_code() is not ExitCode.INTERRUPTED:
            raise


def _run_demo(data_dir: Path, *, people: int, years: int, seed: int, is_quiet: bool) -> None:
    """Publish the invented organization under `data_dir`, and print the results."""
    import httpx
    from pydantic import SecretStr

    from calcom.simulator import OWNER_KEY, Simulator, World, serve
    from calcom.strategy import Strategy
    from flows.report.queries import Dates, run_named, run_sql
    from flows.report.render import render
    from flows.run import stages
    from flows.run.progress import show_progress
    from flows.settings import NO_CREDENTIAL, load_settings

    world = World.generate(seed=seed, people=people, years=years)
    with serve(Simulator(world, api_key=OWNER_KEY)) as server:
        settings = load_settings(
            **NO_CREDENTIAL,
            CALCOM_API_URL=server.url,
            OOO_DATA_DIR=data_dir,
            CALCOM_ORG_ID=1,
            OOO_TEAMS=True,
            OOO_PUBLISH_URL=None,
            OOO_ALLOW_NEW_HOST=True,
        )
        settings.api_key = SecretStr(OWNER_KEY)
        # Without the proxy of the environment, which cannot reach this machine's own server.
        connection = replace(settings.connection(), transport=httpx.AsyncHTTPTransport())
        click.echo(
            f"A simulated Cal.com with {count_of(people, 'person', 'people')} and {count_of(years, 'year')}"
            f" of absence is at {server.url}\n"
        )
        # An earlier demo may have published another organization here, whose entries are deleted now.
        with show_progress(is_quiet=is_quiet) as listener:
            first = stages.sync(
                settings,
                strategy=Strategy.AUTO,
                listener=listener,
                allows_mass_delete=True,
                connection=connection,
            )
        click.echo(f"First sync\n{first.as_text()}\n")
        live = run_sql(first.database, "SELECT count(*) FROM fct_ooo_entries WHERE deleted_at IS NULL")
        served = len(world.entries())
        click.echo(f"The simulator has {served:,} entries; the warehouse has {live.item():,}.\n")
        with show_progress(is_quiet=is_quiet) as listener:
            second = stages.sync(settings, strategy=Strategy.AUTO, listener=listener, connection=connection)
        click.echo(f"Second sync, without changes at the source\n{second.as_text()}\n")
    year = Dates(date(2026, 1, 1), date(2026, 12, 31))
    click.echo(f"absence_by_reason('{year.from_date}', '{year.to_date}')")
    click.echo(render(run_named(second.database, "absence_by_reason", year), "table"))
    click.echo(
        f"DuckDB    {second.database}\n"
        f"Parquet   {second.parquet_folder / '*.parquet'}\n"
        f"Page      {second.report}\n"
        f"Query     OOO_DATA_DIR={data_dir} {_program()} query who_is_out --from 2026-12-21 --to 2026-12-31"
    )


def _program() -> str:
    """Return the command as the user can type it in this folder."""
    program = Path(sys.argv[0])
    if program.name != "ooo" or shutil.which("ooo") == str(program):
        return "ooo"
    return str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program)
