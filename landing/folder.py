"""Landing folders, one per run: the records read so far, so that a killed run resumes and memory stays bounded.

    landing/<run_id>/run.json                  the source and the settings (organization, strategy, page size …)
    landing/<run_id>/users-000001.parquet      segments: the records of some pages, in the order read
    landing/<run_id>/entries-000001.parquet
    landing/<run_id>/teams-000001.parquet      and memberships-…, if teams are read
    landing/<run_id>/read.json                 written last: the landing is complete

A segment carries in its Parquet metadata the facts of its pages and the results of the scopes that
ended in it. One rename publishes rows, pages and verdicts together, so the three always agree after a kill.
A folder of segments is the whole state of a run: replaying the facts of its pages in order
rebuilds every scan where it stopped.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from calcom.records import Records
from calcom.scopes import Page, Scope, ScopeResult, Verdict
from landing.errors import LandingError
from landing.files import write_atomically, write_json
from landing.record_filter import remove_erased_people
from landing.run_facts import FORMAT, RUN_FILE, ExtractionStats, RunFacts
from landing.segments import NOTELESS_ENTRIES, SEGMENT_KINDS, Rows, SegmentKind

FINISHED_FILE, DIFFERENCES_FILE = "finished", "differences.json"
SEGMENT_ROWS = 10_000
SEGMENT_SECONDS = 1.0
_METADATA_KEY = b"calcom.landing"
_SEGMENT_KIND_OF_SCOPE = {
    "users": "users",
    "organization": "entries",
    "user": "entries",
    "teams": "teams",
    "team": "memberships",
}


@dataclass(frozen=True)
class LandedPage:
    """The facts of one landed page, the scope whose scan it belongs to, and its number in the run."""

    scope: Scope
    page: Page
    number: int


@dataclass
class _Buffer:
    name: str
    kind: SegmentKind
    rows: Rows = field(init=False)
    pages: list[LandedPage] = field(init=False)
    results: list[ScopeResult] = field(init=False)

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.rows, self.pages, self.results = Rows(self.kind), [], []


class Landing:
    """The landing folder of one run: stores pages and verdicts, and returns them in the order read."""

    def __init__(
        self,
        folder: Path,
        facts: RunFacts,
        *,
        clock: Callable[[], float],
        erased: frozenset[int] = frozenset(),
    ) -> None:
        """Open a folder that `create_landing` has prepared, with its segments.

        Records of the users whose ids are in `erased` are not stored.
        """
        self.folder, self.facts, self._erased = folder, facts, erased
        self.page_count = 0
        self.pages: dict[Scope, list[Page]] = {}
        """The pages of each scope, in the order read."""
        self._numbers: dict[Scope, list[int]] = {}
        self.results: dict[Scope, ScopeResult] = {}
        self._clock = clock
        self._flushed_at = clock()
        kinds = SEGMENT_KINDS if facts.keeps_notes else SEGMENT_KINDS | {"entries": NOTELESS_ENTRIES}
        self._buffers = {name: _Buffer(name, kind) for name, kind in kinds.items()}
        segments = self.segments()
        self._segment_count = len(segments)
        if [_number_of(path) for path in segments] != list(range(1, len(segments) + 1)):
            message = f"segments are missing from {folder}; remove the folder to read the source again"
            raise LandingError(message)
        for path in segments:
            self._restore(path)

    def segments(self, kind: str = "*") -> list[Path]:
        """Return the segments of `kind` (`users`, `entries` …; default all), in the order written."""
        return sorted(self.folder.glob(f"{kind}-??????.parquet"), key=_number_of)

    def user_ids(self) -> list[int]:
        """Return the ids of all users that were read, ascending, including users that failed validation."""
        return self._read_ids("users")

    def team_ids(self) -> list[int]:
        """Return the ids of all teams that were read, ascending, including teams that failed validation."""
        return self._read_ids("teams")

    def entry_owner_ids(self) -> list[int]:
        """Return the ids of all users whose entries were read, ascending."""
        return self._read_ids("entries", "user_id")

    def _read_ids(self, kind: str, column: str = "id") -> list[int]:
        self.flush()
        ids: set[int | None] = set()
        for path in self.segments(kind):
            with explaining_path(path):
                # A ParquetFile, because read_table would load all of pyarrow.dataset: 50 MB and its time.
                ids.update(pq.ParquetFile(path).read(columns=[column])[column].unique().to_pylist())
        return sorted(record_id for record_id in ids if record_id is not None)

    def ended(self, scope: Scope) -> ScopeResult | None:
        """Return the result of a scope that need not be read again, or None if it was not read to its end."""
        result = self.results.get(scope)
        is_unread = result is None or result.verdict in (Verdict.FAILED, Verdict.SKIPPED)
        return None if is_unread else result

    def page_numbers(self, scope: Scope) -> list[int]:
        """Return the numbers of the pages of `scope`, as in the segments' column `page`."""
        return self._numbers.get(scope, [])

    def count_rows(self) -> int:
        """Return the number of records on all landed pages, repeated ones included."""
        return sum(page.rows for pages in self.pages.values() for page in pages)

    @property
    def stats(self) -> ExtractionStats:
        """Return the stats of reading. Raise `LandingError` if the landing was not read to its end."""
        return ExtractionStats.load(self.folder)

    def add_page(self, scope: Scope, page: Page, records: Records) -> None:
        """Store one page; it is on disk after the next flush."""
        buffer = self._buffer_of(scope)
        number = self.page_count
        if self._erased and buffer.name != "teams":
            key = "id" if buffer.name == "users" else "userId"
            records = remove_erased_people(records, self._erased, owner=scope.user_id, key=key)
        buffer.rows.add(number, records, user_id=scope.user_id, team_id=scope.team_id)
        landed = LandedPage(scope, page, number)
        buffer.pages.append(landed)
        self._add_facts(landed)
        self._flush_when_due()

    def end_scope(self, result: ScopeResult) -> None:
        """Store the result of a scope; it is on disk after the next flush. A later result replaces it."""
        self._buffer_of(result.scope).results.append(result)
        self.results[result.scope] = result
        self._flush_when_due()

    def flush(self) -> None:
        """Write the buffered pages and results, so that they survive a kill."""
        for buffer in self._buffers.values():
            if buffer.pages or buffer.results:
                self._write(buffer)
        self._flushed_at = self._clock()
        pa.default_memory_pool().release_unused()  # it keeps 25 MB until the process ends otherwise

    def save_differences(self, differences: list[dict[str, Any]]) -> None:
        """Store the entries that two strategies returned differently, beside the segments."""
        self.flush()
        with explaining_path(self.folder):
            write_json(self.folder / DIFFERENCES_FILE, {"differences": differences})

    def load_differences(self) -> list[dict[str, Any]]:
        """Return the stored differences; none if the run read with one strategy."""
        path = self.folder / DIFFERENCES_FILE
        with explaining_path(path):
            content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"differences": []}
        differences: list[dict[str, Any]] = content["differences"]
        return differences

    def mark_complete(self, stats: ExtractionStats) -> None:
        """Flush, then record that the run has read everything in its plan."""
        self.flush()
        with explaining_path(self.folder):
            stats.save(self.folder)

    def mark_finished(self) -> None:
        """Exclude the landing from resuming: the warehouse has all of it, or a guard has refused it."""
        with explaining_path(self.folder):
            (self.folder / FINISHED_FILE).touch()

    def _add_facts(self, landed: LandedPage) -> None:
        self.pages.setdefault(landed.scope, []).append(landed.page)
        self._numbers.setdefault(landed.scope, []).append(landed.number)
        self.page_count = max(self.page_count, landed.number + 1)

    def _buffer_of(self, scope: Scope) -> _Buffer:
        return self._buffers[_SEGMENT_KIND_OF_SCOPE[scope.kind]]

    def _flush_when_due(self) -> None:
        rows = sum(len(buffer.rows) for buffer in self._buffers.values())
        if rows >= SEGMENT_ROWS or self._clock() - self._flushed_at >= SEGMENT_SECONDS:
            self.flush()

    def _write(self, buffer: _Buffer) -> None:
        """Write one segment and empty the buffer. If the disk refuses, the buffer keeps its pages."""
        metadata = json.dumps({"pages": buffer.pages, "results": buffer.results}, default=vars)
        target = self.folder / f"{buffer.name}-{self._segment_count + 1:06d}.parquet"
        with explaining_path(target), write_atomically(target) as temporary:
            table = buffer.rows.as_table().replace_schema_metadata({_METADATA_KEY: metadata.encode()})
            pq.write_table(table, temporary, compression="zstd")
        self._segment_count += 1
        buffer.clear()

    def _restore(self, path: Path) -> None:
        with explaining_path(path):
            metadata = pq.read_schema(path).metadata or {}
        if _METADATA_KEY not in metadata:
            message = f"{path} is not a landing segment; remove {self.folder} to read the source again"
            raise LandingError(message)
        facts = json.loads(metadata[_METADATA_KEY])
        for page in facts["pages"]:
            self._add_facts(LandedPage(Scope(**page["scope"]), Page(**page["page"]), page["number"]))
        for result in facts["results"]:
            scope, verdict = Scope(**result.pop("scope")), Verdict(result.pop("verdict"))
            proven = tuple((low, high) for low, high in result.pop("proven"))
            self.results[scope] = ScopeResult(scope=scope, verdict=verdict, proven=proven, **result)


def create_landing(
    root: Path,
    facts: RunFacts,
    *,
    clock: Callable[[], float] = time.monotonic,
    erased: frozenset[int] = frozenset(),
) -> Landing:
    """Create a folder under `root` for the run that `facts` describes, and return its landing."""
    folder = root / facts.run_id
    with explaining_path(folder):
        folder.mkdir(parents=True, mode=0o700)
        write_json(folder / RUN_FILE, facts.as_json())
    return Landing(folder, facts, clock=clock, erased=erased)


def resume_or_create(
    root: Path,
    facts: RunFacts,
    *,
    max_age: timedelta,
    snapshot_at: datetime | None = None,
    erased: frozenset[int] = frozenset(),
) -> Landing:
    """Return the newest unfinished landing that the run in `facts` may resume, or else a new landing.

    A landing that is older than the latest snapshot, which was taken at `snapshot_at`, is not resumed. A landing that
    cannot be read completely is skipped; its records are read from the source again.
    """
    for former in reversed(list_runs(root)):
        folder = root / former.run_id
        is_unfinished = not (folder / FINISHED_FILE).exists()
        is_newer = snapshot_at is None or former.started_at >= snapshot_at
        if is_unfinished and is_newer and former.is_resumable_by(facts, max_age):
            with contextlib.suppress(LandingError):
                return Landing(folder, former, clock=time.monotonic, erased=erased)
    return create_landing(root, facts, erased=erased)


def open_landing(folder: Path, *, clock: Callable[[], float] = time.monotonic) -> Landing:
    """Return the landing in `folder`, which any machine may have read. Raise `LandingError` if there is none."""
    runs = list_runs(folder.parent, folder.name)
    if not runs:
        message = f"{folder} is not a landing of this version: expected a {RUN_FILE} of format {FORMAT}"
        raise LandingError(message)
    return Landing(folder, runs[0], clock=clock)


def list_runs(root: Path, run_id: str = "*") -> list[RunFacts]:
    """Return the facts of the landings under `root`, oldest first, without damaged or older ones."""
    runs = []
    for path in sorted(root.glob(f"{run_id}/{RUN_FILE}")):
        with contextlib.suppress(OSError):
            facts = RunFacts.parse(path.read_bytes())
            if facts is not None and facts.run_id == path.parent.name:
                runs.append(facts)
    return runs


@contextlib.contextmanager
def explaining_path(path: Path) -> Iterator[None]:
    """Raise errors of the disk as `LandingError` with the path and the way out."""
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        message = (
            f"can't write or read {path}: {error}; free space or correct the permissions, then run"
            " again: the run resumes from the landed pages"
        )
        raise LandingError(message) from error


def _number_of(segment: Path) -> int:
    return int(segment.stem[-6:])
