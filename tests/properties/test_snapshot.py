"""Changes during a reading: a complete scope has every row that existed throughout its scan."""

import asyncio
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.requests import Request

from calcom.client import CalcomClient
from calcom.connection import Connection
from calcom.credentials import ApiKey
from calcom.errors import CalcomError
from calcom.extraction import Extraction
from calcom.list_checks import LEFT_ORGANIZATION
from calcom.scanner import Scanner
from calcom.scopes import ALL_IDS, ORGANIZATION, USERS, ExtractionListener, Scope, ScopeResult, Verdict
from calcom.simulator import OWNER_KEY, Fault, Simulator, World
from calcom.strategy import Strategy
from flows.run.progress import SilentListener
from landing.folder import Landing, create_landing
from tests.support.fake_clock import run_virtually, virtual_now
from tests.support.landed import facts, landed_records
from tests.support.wire import Wire

START, END = "2026-03-01T00:00:00.000Z", "2026-03-02T23:59:59.999Z"


def build_world(people: int, entries: int, chance: random.Random) -> World:
    """Return a small organization whose entries are spread unevenly over its people."""
    world = World((), ())
    ids = [world.add_user() for _ in range(people)]
    for _ in range(entries):
        world.add_entry(ids[int(people * chance.random() ** 2)], START, END)
    return world


@dataclass
class Unrest:
    """Random changes between two requests, and the rows that exist throughout each scan.

    A scan lasts from its first request to its verdict; several scans may overlap.
    """

    world: World
    chance: random.Random
    unrest: float
    lived: dict[str, set[int]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    gone: list[int] = field(default_factory=list)

    def __call__(self, _: int, request: Request) -> None:
        """Start the scan of the path at its first request, then make random changes before the response."""
        path = request.url.path
        self.lived.setdefault(path, self.seen_at(path))
        while self.chance.random() < self.unrest:
            self.change()
            for scanned in self.lived.keys() - self.ended:
                self.lived[scanned] &= self.seen_at(scanned)

    def page_read(self, scope: Scope, rows: int) -> None:
        """Ignore a page."""

    def scope_ended(self, result: ScopeResult) -> None:
        """End the scan, so that later deletions do not count. A failed scan may continue in another run."""
        if result.verdict is not Verdict.FAILED:
            self.ended.add(path_of(result.scope))

    def seen_at(self, path: str) -> set[int]:
        """Return the ids that the path lists."""
        if path.endswith("/users"):
            return {user["id"] for user in self.world.users()}
        parts = path.split("/")
        user_id = int(parts[5]) if parts[4] == "users" else None
        return {entry["id"] for entry in self.world.entries(user_id)}

    def change(self) -> None:
        """Add, change or remove one entry or one person."""
        world, chance = self.world, self.chance
        users = [user["id"] for user in world.users()]
        entries = [entry["id"] for entry in world.entries()]
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
    """Return the path of the scope."""
    resource = {USERS: "users", ORGANIZATION: "ooo"}.get(scope, f"users/{scope.user_id}/ooo")
    return f"/v2/organizations/1/{resource}"


@dataclass(frozen=True)
class ReadingParameters:
    """The parameters of one reading of everything."""

    strategy: Strategy
    page_size: int
    concurrency: int
    expected_rows: int
    max_attempts: int

    def extract(self, simulator: Simulator, root: Path, listener: ExtractionListener) -> Landing:
        """Read the users and all entries into a new landing, in virtual time."""
        landing = create_landing(root, facts(page_size=self.page_size), clock=lambda: 0.0)
        self.resume(simulator, landing, listener)
        return landing

    def resume(self, simulator: Simulator, landing: Landing, listener: ExtractionListener) -> None:
        """Read everything that the landing lacks, until an error."""
        connection = Connection(
            base_url="http://simulator",
            credential=ApiKey(SecretStr(OWNER_KEY)),
            max_attempts=self.max_attempts,
            transport=Wire(simulator),
            clock=virtual_now,
            sleep=asyncio.sleep,
        )

        async def run() -> None:
            async with CalcomClient(connection) as client:
                scanner = Scanner(
                    client,
                    landing,
                    organization_id=1,
                    page_size=self.page_size,
                    listener=listener,
                    max_concurrency=self.concurrency,
                )
                extraction = Extraction(scanner)
                await extraction.scanner.read(USERS)
                if self.strategy is Strategy.ORG_WIDE:
                    await extraction.scanner.read(ORGANIZATION, self.expected_rows)
                else:
                    planned = landing.user_ids()
                    await extraction.read_each([Scope("user", user_id) for user_id in planned])
                    await extraction.settle_departures(planned)
                    await extraction.check_ends("user")

        try:
            run_virtually(run())
        finally:
            landing.flush()


READINGS = st.builds(
    ReadingParameters,
    strategy=st.sampled_from([Strategy.ORG_WIDE, Strategy.PER_USER]),
    page_size=st.integers(2, 12) | st.integers(2, 250),
    concurrency=st.integers(1, 4),
    expected_rows=st.integers(0, 90),
    max_attempts=st.integers(1, 5),
)
FAULT_KINDS: list[Any] = ["500", "502_html", "truncated_json", "reset", "429"]
FAULTS = st.lists(
    st.builds(
        Fault,
        st.sampled_from(FAULT_KINDS),
        path=st.sampled_from(["", "/ooo", "/ooo", "/ooo", r"skip=\d*[135]$"]),
        nth=st.integers(1, 30),
        times=st.integers(1, 3) | st.integers(1, 30),
    ),
    max_size=4,
)
RERUNS = st.sampled_from([False, False, True])


@given(
    seed=st.integers(0, 2**32),
    people=st.integers(1, 5),
    entries=st.integers(0, 40),
    unrest=st.sampled_from([0.1, 0.3, 0.6]),
    reading=READINGS,
    is_rerun=RERUNS,
)
def test_no_row_that_existed_throughout_a_complete_scope_is_missing(  # noqa: PLR0913 - the parameters that vary
    *, seed: int, people: int, entries: int, unrest: float, reading: ReadingParameters, is_rerun: bool
) -> None:
    chance = random.Random(seed)
    world = build_world(people, entries, chance)
    changes = Unrest(world, chance, unrest)
    with tempfile.TemporaryDirectory() as root:
        changing = Simulator(world, limits=None, before_request=changes)
        check_proven_ids(reading.extract(changing, Path(root) / "changing", changes), changes)
        if is_rerun:
            check_undisturbed_run(reading, world, Path(root) / "undisturbed")


@given(
    seed=st.integers(0, 2**32),
    people=st.integers(1, 5),
    entries=st.integers(0, 40),
    unrest=st.sampled_from([0.0, 0.1, 0.3]),
    reading=READINGS,
    faults=FAULTS,
    is_rerun=RERUNS,
)
def test_no_row_is_missing_from_a_complete_scope_if_requests_fail(  # noqa: PLR0913 - the parameters that vary
    *,
    seed: int,
    people: int,
    entries: int,
    unrest: float,
    reading: ReadingParameters,
    faults: list[Fault],
    is_rerun: bool,
) -> None:
    chance = random.Random(seed)
    world = build_world(people, entries, chance)
    changes = Unrest(world, chance, unrest)
    with tempfile.TemporaryDirectory() as root:
        faulty = Simulator(world, limits=None, before_request=changes, faults=faults)
        landing = create_landing(Path(root), facts(page_size=reading.page_size), clock=lambda: 0.0)
        try:
            reading.resume(faulty, landing, changes)
        except CalcomError:
            assert faults
        failed = {scope for scope, result in landing.results.items() if result.verdict is Verdict.FAILED}
        assert faults or unrest or not failed
        check_proven_ids(landing, changes)

        # A later run resumes the landing, without faults but with further changes.
        again = Landing(landing.folder, landing.facts, clock=lambda: 0.0)
        assert again.results == landing.results
        assert again.pages == landing.pages
        faultless = Simulator(world, limits=None, before_request=changes)
        reading.resume(faultless, again, changes)
        assert all(again.results[scope].pages >= landing.results[scope].pages for scope in failed)
        check_proven_ids(again, changes)
        if is_rerun:
            check_undisturbed_run(reading, world, Path(root) / "undisturbed")


def check_proven_ids(landing: Landing, changes: Unrest) -> None:
    """Check that every proved id that existed throughout the scan of its scope is landed."""
    users, entries = set(landing.user_ids()), {record["id"] for record in landed_records(landing)}
    for scope, result in landing.results.items():
        has_left = result.problem == LEFT_ORGANIZATION  # complete, and proves no id
        assert (result.proven == ALL_IDS) == (result.verdict is Verdict.COMPLETE and not has_left)
        lost = changes.lived[path_of(scope)] - (users if scope == USERS else entries)
        assert not [
            lost_id for lost_id in lost if any(low <= lost_id <= high for low, high in result.proven)
        ], scope


def check_undisturbed_run(reading: ReadingParameters, world: World, root: Path) -> None:
    """Check that a run without changes has exactly the rows of the source."""
    landing = reading.extract(Simulator(world, limits=None), root, SilentListener())
    assert {result.verdict for result in landing.results.values()} == {Verdict.COMPLETE}
    assert landed_records(landing) == world.entries()
    assert landing.user_ids() == [user["id"] for user in world.users()]
