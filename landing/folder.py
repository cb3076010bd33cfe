"""Landing: what was read, on disk, so that a killed run resumes and memory stays bounded.

    landing/<run_id>/run.json                  what the run reads (organization, strategy, page size …)
    landing/<run_id>/users-000001.parquet      segments: the records of some pages, in the order read
    landing/<run_id>/entries-000001.parquet
    landing/<run_id>/teams-000001.parquet      and memberships-…, where teams are read

A segment carries in its Parquet metadata the facts of its pages and the results of the scopes that
ended in it, so one rename publishes rows, pages and verdicts together: after a kill the three never
disagree. A folder of segments is the whole state of a run; reading the page facts back in order
rebuilds every scan where it stopped.

Segments that are full are written on a thread while the reading goes on, and handed over there to whoever
wants them; `flush` waits for both.
"""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from calcom.models import Records
from calcom.paging import Page, Verdict
from calcom.scopes import LandedPage, RunFacts, Scope, ScopeResult
from landing.errors import LandingError
from landing.record_filter import without_people
from landing.segments import NOTELESS_ENTRIES, SEGMENT_KINDS, Rows, SegmentKind

RUN_FILE, FINISHED_FILE = "run.json", "finished"
SEGMENT_ROWS = 10_000
SEGMENT_SECONDS = 1.0
_METADATA_KEY = b"landing.folder"
_SEGMENTS_OF = {
    "users": "users",
    "organization": "entries",
    "user": "entries",
    "teams": "teams",
    "team": "memberships",
}
"""By kind of scope, the segments that its records go to."""


@dataclass
class _Buffer:
    name: str
    kind: SegmentKind
    rows: Rows
    pages: list[LandedPage] = field(default_factory=list)
    results: list[ScopeResult] = field(default_factory=list)


class Landing:
    """One run's landing folder: pages and verdicts go in, and come out again in the order read."""

    def __init__(
        self,
        folder: Path,
        facts: RunFacts,
        *,
        clock: Callable[[], float],
        erased: frozenset[int] = frozenset(),
    ) -> None:
        """Take over a folder that `create_landing` has prepared, with all that it holds.

        Of the users whose ids are `erased` nothing is kept.
        """
        self.folder, self.facts, self._erased = folder, facts, erased
        self.page_count = 0
        self.pages: dict[Scope, list[Page]] = {}
        """The pages read of each scope, in the order read."""
        self._numbers: dict[Scope, list[int]] = {}
        self.results: dict[Scope, ScopeResult] = {}
        self.on_segment: Callable[[Path], None] | None = None
        """Gets each whole segment, on the writing thread; what it raises, the next flush raises."""
        self._clock = clock
        self._flushed_at = clock()
        self._thread = ThreadPoolExecutor(1, "landing")
        self._writing: Future[None] | None = None
        kinds = SEGMENT_KINDS if facts.keeps_notes else SEGMENT_KINDS | {"entries": NOTELESS_ENTRIES}
        self._buffers = {name: _Buffer(name, kind, Rows(kind)) for name, kind in kinds.items()}
        segments = self.segments()
        self._segment_count = len(segments)
        if [_number_of(path) for path in segments] != list(range(1, len(segments) + 1)):
            message = f"segments are missing from {folder}; remove it to start afresh"
            raise LandingError(message)
        for path in segments:
            self._take_back(path)

    def segments(self, kind: str = "*") -> list[Path]:
        """The whole segments of `kind` (`users`, `entries` …; default all), in the order written."""
        self._finish_writing()
        return sorted(self.folder.glob(f"{kind}-??????.parquet"), key=_number_of)

    def user_ids(self) -> list[int]:
        """The ids of all users that were read, ascending; also of those of whom no more could be read."""
        return self._ids_in("users")

    def team_ids(self) -> list[int]:
        """The ids of all teams that were read, in the same way."""
        return self._ids_in("teams")

    def _ids_in(self, kind: str) -> list[int]:
        self.flush()
        ids: set[int | None] = set()
        for path in self.segments(kind):
            with naming_path(path):
                # A ParquetFile, because read_table would load all of pyarrow.dataset: 50 MB and its time.
                ids.update(pq.ParquetFile(path).read(columns=["id"])["id"].to_pylist())
        return sorted(one for one in ids if one is not None)

    def ended(self, scope: Scope) -> ScopeResult | None:
        """The result of a scope that need not be read again; None if it was not read, or failed."""
        result = self.results.get(scope)
        return None if result is None or result.verdict is Verdict.FAILED else result

    def page_numbers(self, scope: Scope) -> list[int]:
        """The numbers of the pages read of `scope`, as the column `page` has them."""
        return self._numbers.get(scope, [])

    def add_page(self, scope: Scope, page: Page, records: Records) -> None:
        """Keep one page; it is on disk after the next flush."""
        buffer = self._buffer_of(scope)
        number = self.page_count
        if self._erased and buffer.name != "teams":
            key = "id" if buffer.name == "users" else "userId"
            records = without_people(records, self._erased, owner=scope.user_id, key=key)
        buffer.rows.add(number, records, user_id=scope.user_id, team_id=scope.team_id)
        landed = LandedPage(scope, page, number)
        buffer.pages.append(landed)
        self._note_page(landed)
        self._flush_when_due()

    def end_scope(self, result: ScopeResult) -> None:
        """Keep a scope's result; it is on disk after the next flush."""
        self._buffer_of(result.scope).results.append(result)
        self.results[result.scope] = result
        self._flush_when_due()

    def flush(self) -> None:
        """Write what is buffered: afterwards it survives a kill."""
        self._begin_writing()
        self._finish_writing()
        pa.default_memory_pool().release_unused()  # it keeps 25 MB until the process ends otherwise

    def mark_finished(self) -> None:
        """No later run resumes from here: the warehouse has it all, or a guard has refused it."""
        with naming_path(self.folder):
            (self.folder / FINISHED_FILE).touch()

    def discard_if_empty(self) -> None:
        """A landing without a page leaves no folder behind."""
        if not self.page_count:
            remove_landing(self.folder)

    def _note_page(self, landed: LandedPage) -> None:
        self.pages.setdefault(landed.scope, []).append(landed.page)
        self._numbers.setdefault(landed.scope, []).append(landed.number)
        self.page_count = max(self.page_count, landed.number + 1)

    def _buffer_of(self, scope: Scope) -> _Buffer:
        return self._buffers[_SEGMENTS_OF[scope.kind]]

    def _flush_when_due(self) -> None:
        rows = sum(len(buffer.rows) for buffer in self._buffers.values())
        if rows >= SEGMENT_ROWS or self._clock() - self._flushed_at >= SEGMENT_SECONDS:
            self._begin_writing()

    def _begin_writing(self) -> None:
        """What is buffered is being written on a thread, and nothing else: memory stays bounded."""
        self._finish_writing()
        full = [buffer for buffer in self._buffers.values() if buffer.pages or buffer.results]
        if full:
            self._buffers |= {one.name: _Buffer(one.name, one.kind, Rows(one.kind)) for one in full}
            self._writing = self._thread.submit(self._write, full)
        self._flushed_at = self._clock()

    def _finish_writing(self) -> None:
        """What was being written is on disk. An error is raised from then on: nothing may follow a gap."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _write(self, buffers: Sequence[_Buffer]) -> None:
        for buffer in buffers:
            metadata = json.dumps({"pages": buffer.pages, "results": buffer.results}, default=vars)
            target = self.folder / f"{buffer.name}-{self._segment_count + 1:06d}.parquet"
            aside = target.with_suffix(".tmp")
            with naming_path(target):
                table = buffer.rows.as_table().replace_schema_metadata({_METADATA_KEY: metadata.encode()})
                pq.write_table(table, aside, compression="zstd")
                aside.replace(target)
            self._segment_count += 1
            if (hand_over := self.on_segment) is not None:
                hand_over(target)

    def _take_back(self, path: Path) -> None:
        with naming_path(path):
            metadata = pq.read_schema(path).metadata or {}
        if _METADATA_KEY not in metadata:
            message = f"{path} is not a landing segment; remove {self.folder} to start afresh"
            raise LandingError(message)
        facts = json.loads(metadata[_METADATA_KEY])
        for one in facts["pages"]:
            self._note_page(LandedPage(Scope(**one["scope"]), Page(**one["page"]), one["number"]))
        for one in facts["results"]:
            scope, verdict = Scope(**one.pop("scope")), Verdict(one.pop("verdict"))
            proven = tuple((low, high) for low, high in one.pop("proven"))
            self.results[scope] = ScopeResult(scope=scope, verdict=verdict, proven=proven, **one)


@contextlib.contextmanager
def naming_path(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one error that names the path and the way out."""
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        message = (
            f"can't keep or read {path}: {error}; free space or correct the permissions, then run"
            " again: it resumes from what is landed"
        )
        raise LandingError(message) from error


def remove_landing(folder: Path) -> None:
    """The folder is gone; a kill halfway leaves none that could be taken for a run's."""
    with naming_path(folder):
        (folder / RUN_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder)


def _number_of(segment: Path) -> int:
    return int(segment.stem[-6:])
