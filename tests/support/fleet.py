"""Serve a fleet of simulated organizations, some with a failure, and write its file."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from calcom.simulator import OWNER_KEY, Fault, RunningServer, Simulator, World, serve


@dataclass(frozen=True)
class SimulatedFleet:
    """The file of the fleet, the worlds that can be read, and a part of the error of each that fails."""

    file: Path
    worlds: Mapping[str, World]
    failures: Mapping[str, str]
    environment: Mapping[str, str]


@contextlib.contextmanager
def serve_fleet(
    folder: Path, *, organizations: int, people: int, latency_seconds: float = 0.0
) -> Iterator[SimulatedFleet]:
    """Serve `organizations` of `people` each. Number 3 has a wrong key, 5 is refused, and 7 is unavailable.

    Each response takes `latency_seconds`.
    """
    failing = {
        "org-03": ("exit code 11", "env:WRONG_KEY", ()),
        "org-05": (
            "is refused to this credential",
            "env:RIGHT_KEY",
            (Fault("403_html", path="/users", times=99),),
        ),
        "org-07": ("exit code 12", "env:RIGHT_KEY", (Fault("502_html", times=999),)),
    }
    with contextlib.ExitStack() as servers:
        tables, worlds = [], {}
        for number in range(1, organizations + 1):
            name = f"org-{number:02d}"
            world = World.generate(seed=number, people=people, years=1, organization_id=number)
            _, key, faults = failing.get(name, ("", "env:RIGHT_KEY", ()))
            simulator = Simulator(world, limits=None, faults=faults, latency_seconds=latency_seconds)
            url = servers.enter_context(serve(simulator)).url
            tables.append(f'[organizations.{name}]\napi_url = "{url}"\napi_key = "{key}"\n')
            if name not in failing:
                worlds[name] = world
        file = folder / "orgs.toml"
        file.write_text("\n".join(tables))
        keys = {
            "RIGHT_KEY": OWNER_KEY,
            "WRONG_KEY": "cal_wrong",
            "OOO_MAX_ATTEMPTS": "1",
            "OOO_RETRY_SECONDS": "1",
        }
        yield SimulatedFleet(file, worlds, {name: error for name, (error, _, _) in failing.items()}, keys)


def assert_fleet_is_loaded(database: Path, fleet: SimulatedFleet) -> None:
    """Assert that the published entries are those of every organization that can be read, and of no other."""
    with duckdb.connect(str(database), read_only=True) as connection:
        published = connection.execute(
            "SELECT organization_id, entry_id, user_id FROM fct_ooo_entries WHERE deleted_at IS NULL"
        ).fetchall()
    expected = {
        (world.organization_id, entry["id"], entry["userId"])
        for world in fleet.worlds.values()
        for entry in world.entries()
    }
    assert len(published) == len(expected)
    assert set(published) == expected


@contextlib.contextmanager
def serve_worlds(worlds: Mapping[str, World]) -> Iterator[Mapping[str, RunningServer]]:
    """Serve each world at a URL of its own."""
    with serve_simulators({name: Simulator(world, limits=None) for name, world in worlds.items()}) as servers:
        yield servers


@contextlib.contextmanager
def serve_simulators(simulators: Mapping[str, Simulator]) -> Iterator[Mapping[str, RunningServer]]:
    """Run each simulator at a URL of its own."""
    with contextlib.ExitStack() as servers:
        yield {name: servers.enter_context(serve(simulator)) for name, simulator in simulators.items()}


def write_fleet(file: Path, servers: Mapping[str, RunningServer], **keys: str) -> Path:
    """Write the file of a fleet with the key `env:RIGHT_KEY`, or `env:` and the name in `keys`, for each server."""
    file.write_text(
        "\n".join(
            f'[organizations.{name}]\napi_url = "{server.url}"\napi_key = "env:{keys.get(name, "RIGHT_KEY")}"\n'
            for name, server in servers.items()
        )
    )
    return file
