"""Measure the wall and CPU time of `ooo sync` and of the Prefect flow, against a running Prefect server.

prefect server start &
PREFECT_API_URL=http://127.0.0.1:4200/api python benchmarks/prefect_overhead.py --people 250
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from calcom.simulator import OWNER_KEY, Simulator, World, serve

COMMANDS = {
    "`ooo sync`": ["-m", "flows", "sync", "--quiet", "--json"],
    "the flow": ["-c", "from flows.sync import sync; sync(return_state=True)"],
}


@click.command()
@click.option("--people", default=250, show_default=True)
def main(people: int) -> None:
    """Print one row per command for a first sync."""
    world = World.generate(people=people)
    with serve(Simulator(world, limits=None)) as server, tempfile.TemporaryDirectory() as folder:
        print(
            f"| {people:,} people, {len(world.entries()):,} entries | wall time | CPU time |\n| --- | --- | --- |"
        )
        for number, (name, arguments) in enumerate(COMMANDS.items()):
            environment = os.environ | {
                "CALCOM_API_URL": server.url,
                "CALCOM_API_KEY": OWNER_KEY,
                "OOO_DATA_DIR": str(Path(folder) / str(number)),
            }
            began_at, before = time.monotonic(), os.times()
            subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
            after = os.times()
            spent = after.children_user + after.children_system
            spent -= before.children_user + before.children_system
            print(f"| {name} | {time.monotonic() - began_at:.1f} s | {spent:.1f} s |")


if __name__ == "__main__":
    main()
