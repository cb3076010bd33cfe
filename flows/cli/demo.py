"""The demo: sync an invented organization twice, from an HTTP server on this machine."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
from pydantic import SecretStr

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from calcom.strategy import Strategy
from calcom.wording import count_of
from flows.report.queries import Dates, run_named, run_sql
from flows.report.render import render
from flows.run import stages
from flows.run.progress import show_progress
from flows.settings import NO_CREDENTIAL, load_settings


@contextmanager
def simulated_organization(*, people: int, years: int, seed: int) -> Iterator[tuple[str, World]]:
    """Serve an invented organization with Cal.com's rate limit. Yield the URL and the records of the server."""
    world = World.generate(seed=seed, people=people, years=years)
    with serve(Simulator(world, api_key=OWNER_KEY)) as server:
        yield server.url, world


def run_demo(  # noqa: PLR0913 - the options of the demo
    data_dir: Path,
    *,
    people: int,
    years: int,
    seed: int,
    is_quiet: bool,
    write: Callable[[str], None],
) -> None:
    """Publish the invented organization under `data_dir`, and pass the results to `write` as text."""
    with simulated_organization(people=people, years=years, seed=seed) as (url, world):
        settings = load_settings(
            **NO_CREDENTIAL,
            CALCOM_API_URL=url,
            OOO_DATA_DIR=data_dir,
            CALCOM_ORG_ID=1,
            OOO_TEAMS=True,
            OOO_PUBLISH_URL=None,
            OOO_ALLOW_NEW_HOST=True,
        )
        settings.api_key = SecretStr(OWNER_KEY)
        # Without the proxy of the environment, which cannot reach this machine's own server.
        connection = replace(settings.connection(), transport=httpx.AsyncHTTPTransport())
        write(
            f"A simulated Cal.com with {count_of(people, 'person', 'people')} and {count_of(years, 'year')}"
            f" of absence is at {url}\n"
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
        write(f"First sync\n{first.as_text()}\n")
        live = run_sql(first.database, "SELECT count(*) FROM fct_ooo_entries WHERE deleted_at IS NULL")
        served = len(world.entries())
        write(f"The simulator has {served:,} entries; the warehouse has {live.item():,}.\n")
        with show_progress(is_quiet=is_quiet) as listener:
            second = stages.sync(settings, strategy=Strategy.AUTO, listener=listener, connection=connection)
        write(f"Second sync, without changes at the source\n{second.as_text()}\n")
    year = Dates(date(2026, 1, 1), date(2026, 12, 31))
    write(f"absence_by_reason('{year.from_date}', '{year.to_date}')")
    write(render(run_named(second.database, "absence_by_reason", year), "table"))
    write(
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
