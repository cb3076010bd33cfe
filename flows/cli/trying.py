"""An invented organization, to try things on: `ooo demo` and `ooo simulate`."""

import click

from calcom.simulator import OWNER_KEY, Limits, Simulator, World, run_forever
from flows.cli.demo import run_demo
from flows.cli.options import QUIET
from flows.settings import load_settings

_PEOPLE = click.option("--people", default=250, show_default=True, type=click.IntRange(1, 100_000))
_YEARS = click.option("--years", default=3, show_default=True, type=click.IntRange(1, 20))
_SEED = click.option("--seed", default=1, show_default=True)


@click.command()
@_PEOPLE
@_YEARS
@_SEED
@QUIET
def demo(*, people: int, years: int, seed: int, quiet: bool) -> None:
    """Run the whole pipeline on an invented organization, into demo/ under OOO_DATA_DIR.

    \b
      ooo demo
    """
    data_dir = load_settings().data_dir / "demo"
    run_demo(data_dir, people=people, years=years, seed=seed, is_quiet=quiet, write=click.echo)


@click.command()
@_PEOPLE
@_YEARS
@_SEED
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8642, show_default=True, type=click.IntRange(0, 65535))
@click.option("--api-key", default=OWNER_KEY, show_default=True, help="The owner's key.")
@click.option("--no-limit", is_flag=True, help="Switch the rate limit off.")
def simulate(  # noqa: PLR0913 - the simulator's own knobs
    *, people: int, years: int, seed: int, host: str, port: int, api_key: str, no_limit: bool
) -> None:
    """Serve an invented organization as Cal.com would, until interrupted.

    \b
      ooo simulate --port 8642 &
      CALCOM_API_URL=http://127.0.0.1:8642 CALCOM_API_KEY=cal_simulator_owner ooo sync
    """
    world = World.generate(seed=seed, people=people, years=years)
    simulator = Simulator(world, api_key=api_key, limits=None if no_limit else Limits())

    def announce(url: str) -> None:
        click.echo(f"{len(world.users()):,} people, {len(world.entries()):,} entries at {url}")
        click.echo(f"CALCOM_API_URL={url} CALCOM_API_KEY={api_key} ooo sync")

    run_forever(simulator, host, port, on_ready=announce)
