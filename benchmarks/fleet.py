"""Measure `ooo fleet sync` of many small organizations against one server.

.venv/bin/python benchmarks/fleet.py --organizations 200 --people 20

Each organization has a path of its own on the server, such as http://127.0.0.1:4000/o12, and an invented world.
The wall time, the CPU time and the peak memory of each sync are the operating system's account of the process.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server import HttpConnection, Limit, Lists, Responses

OOO = Path(sys.executable).with_name("ooo")


class ManyResponses:
    """The responses of all organizations: the first part of the path selects the organization."""

    def __init__(self, organizations: int, people: int, years: int) -> None:
        """Generate the organizations with the ids from 1."""
        self._responses = {
            f"o{number}": Responses(
                Lists(people, years, None, organization_id=number), Limit(100_000_000, 60.0, 1.0)
            )
            for number in range(1, organizations + 1)
        }
        self.entries = sum(len(responses.lists.entries) for responses in self._responses.values())

    def respond(self, target: str) -> bytes:
        """Return the complete response to `GET target`."""
        organization, _, rest = target.removeprefix("/").partition("/")
        return self._responses[organization].respond(f"/{rest}")


async def serve(responses: ManyResponses) -> None:
    """Print the port and the number of entries to standard output, and serve until the process is terminated."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpConnection(responses, 0.0), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1], "entries": responses.entries}), flush=True)
    await server.serve_forever()


def measure(folder: Path, port: int, organizations: int, rounds: int) -> None:
    """Sync the fleet several times into the same data folder, and print the figures of each sync."""
    tables = [
        f'[organizations.o{number}]\napi_url = "http://127.0.0.1:{port}/o{number}"\napi_key = "env:FLEET_KEY"\n'
        for number in range(1, organizations + 1)
    ]
    (folder / "orgs.toml").write_text("\n".join(tables))
    environment = os.environ | {"FLEET_KEY": "cal_any"}
    for _ in range(rounds):
        before = time.monotonic()
        process = subprocess.Popen(
            [OOO, "fleet", "sync", "orgs.toml", "--quiet", "--json"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        summary = json.loads(process.stdout.read())
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        figures = {
            "outcome": summary["outcome"],
            "wall_seconds": round(time.monotonic() - before, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_mb": round(usage.ru_maxrss / 1024),
            "warehouse_mb": round((folder / "data" / "warehouse.duckdb").stat().st_size / 1e6, 1),
        }
        print(json.dumps(figures), flush=True)


def main() -> None:
    """Serve the organizations in a process of its own, and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--organizations", type=int, default=200)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--years", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--serve", action="store_true", help="serve only")
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve(ManyResponses(chosen.organizations, chosen.people, chosen.years)))
        return
    with subprocess.Popen([sys.executable, *sys.argv, "--serve"], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            facts = json.loads(server.stdout.readline())
            print(json.dumps({"organizations": chosen.organizations, "entries": facts["entries"]}))
            with tempfile.TemporaryDirectory() as folder:
                measure(Path(folder), facts["port"], chosen.organizations, chosen.rounds)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
