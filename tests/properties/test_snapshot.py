"""Whatever happens in Cal.com while it is read, a complete scope has every entry that lived through it."""

import asyncio
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.requests import Request

from calcom.client import CalcomClient, Connection
from calcom.credentials import ApiKey
from calcom.extraction import ORGANIZATION, USERS, Extraction, Progress
from calcom.landing import Landing, Scope, ScopeResult, create_landing
from calcom.paging import Verdict
from calcom.simulator import OWNER_KEY, Simulator, World
from calcom.strategy import Strategy
from tests.support.fake_clock import run_virtually, virtual_now
from tests.support.landed import SilentProgress, facts, landed_records

START, END = "2026-03-01T00:00:00.000Z", "2026-03-02T23:59:59.999Z"


def build_world(people: int, entries: int, chance: random.Random) -> World:
    """A small organization whose entries are spread over its people unevenly."""
    world = World((), ())
    ids = [world.add_user() for _ in range(people)]
    for _ in range(entries):
        world.add_entry(ids[int(people * chance.random() ** 2)], START, END)
    return world


@dataclass
class Unrest:
    """What people and administrators do between two requests, and which rows live through each scan.

    A scan lasts from its first request to its verdict; requests of several scans may be under way.
    """

    world: World
    chance: random.Random
    unrest: float
    lived: dict[str, set[int]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    gone: list[int] = field(default_factory=list)

    def __call__(self, _: int, request: Request) -> None:
        """A scan may begin; then something happens, perhaps, before the request sees the world."""
        path = request.url.path
        self.lived.setdefault(path, self.seen_at(path))
        while self.chance.random() < self.unrest:
            self.change()
            for scanned in self.lived.keys() - self.ended:
                self.lived[scanned] &= self.seen_at(scanned)

    def page_read(self, scope: Scope, rows: int) -> None:
        """A page is read; the world does not mind."""

    def scope_ended(self, result: ScopeResult) -> None:
        """The scan is over: what is lost now was there."""
        self.ended.add(path_of(result.scope))

    def seen_at(self, path: str) -> set[int]:
        """The ids that the path lists."""
        if path.endswith("/users"):
            return {one["id"] for one in self.world.users()}
        parts = path.split("/")
        user_id = int(parts[5]) if parts[4] == "users" else None
        return {one["id"] for one in self.world.entries(user_id)}

    def change(self) -> None:
        """One entry or one person comes, changes or goes."""
        world, chance = self.world, self.chance
        users = [one["id"] for one in world.users()]
        entries = [one["id"] for one in world.entries()]
        kind = chance.choice(["add", "update", *["delete"] * 3, "leave", "return", "erase", "purge"])
        if kind == "add" and users:
            world.add_entry(chance.choice(users), START, END, to_user_id=chance.choice([None, *users]))
        elif kind == "update" and entries:
            world.update_entry(chance.choice(entries), notes=f"changed {chance.random()}")
        elif kind == "delete" and entries:
            world.delete_entry(chance.choice(entries[: chance.randint(1, len(entries))]))
        elif kind == "leave" and len(users) > 2:
            self.gone.append(chance.choice(users[1:]))
            world.remove_user(self.gone[-1])
        elif kind == "return" and self.gone:
            world.restore_user(self.gone.pop())
        elif kind == "erase" and len(users) > 2 and chance.random() < 0.3:
            world.delete_user(chance.choice(users[1:]))
        elif kind == "purge" and chance.random() < 0.3:
            for entry_id in entries[: chance.randint(0, len(entries))]:
                world.delete_entry(entry_id)


def path_of(scope: Scope) -> str:
    """Where the scope is read."""
    place = {USERS: "users", ORGANIZATION: "ooo"}.get(scope, f"users/{scope.user_id}/ooo")
    return f"/v2/organizations/1/{place}"


@dataclass(frozen=True)
class Reading:
    """One way to read everything."""

    strategy: Strategy
    page_size: int
    concurrency: int
    expected_rows: int

    def extract(self, simulator: Simulator, root: Path, progress: Progress) -> Landing:
        """A new landing of the users and of all entries, read in virtual time."""
        landing = create_landing(root, facts(page_size=self.page_size), clock=lambda: 0.0)
        connection = Connection(
            base_url="http://simulator",
            credential=ApiKey(SecretStr(OWNER_KEY)),
            transport=httpx.ASGITransport(simulator),
            clock=virtual_now,
            sleep=asyncio.sleep,
        )

        async def run() -> None:
            async with CalcomClient(connection) as client:
                extraction = Extraction(client, landing, progress=progress, max_concurrency=self.concurrency)
                await extraction.read_users()
                if self.strategy is Strategy.ORG_WIDE:
                    await extraction.read_organization(self.expected_rows)
                else:
                    await extraction.read_user_entries(landing.user_ids())

        run_virtually(run())
        landing.flush()
        return landing


READINGS = st.builds(
    Reading,
    strategy=st.sampled_from([Strategy.ORG_WIDE, Strategy.PER_USER]),
    page_size=st.integers(1, 12) | st.integers(1, 250),
    concurrency=st.integers(1, 4),
    expected_rows=st.integers(0, 90),
)


@given(
    seed=st.integers(0, 2**32),
    people=st.integers(1, 6),
    entries=st.integers(0, 70),
    unrest=st.sampled_from([0.1, 0.3, 0.6]),
    reading=READINGS,
)
def test_no_row_that_lived_through_a_complete_scope_is_missing(
    seed: int, people: int, entries: int, unrest: float, reading: Reading
) -> None:
    chance = random.Random(seed)
    world = build_world(people, entries, chance)
    changes = Unrest(world, chance, unrest)
    with tempfile.TemporaryDirectory() as root:
        unquiet = Simulator(world, limits=None, before_request=changes)
        landing = reading.extract(unquiet, Path(root) / "unquiet", changes)
        users = set(landing.user_ids())
        seen = {record["id"] for record in landed_records(landing)}
        for scope, result in landing.results.items():
            if result.verdict is Verdict.COMPLETE:
                assert changes.lived[path_of(scope)] <= (users if scope == USERS else seen), scope

        quiet = Simulator(world, limits=None)
        landing = reading.extract(quiet, Path(root) / "quiet", SilentProgress())
        assert {result.verdict for result in landing.results.values()} == {Verdict.COMPLETE}
        assert landed_records(landing) == world.entries()
        assert landing.user_ids() == [user["id"] for user in world.users()]
