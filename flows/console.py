"""What a run shows while it runs: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from calcom.landing import Scope, ScopeResult
from calcom.paging import Verdict
from flows.run import Observer

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

LINE_EVERY_SECONDS = 10.0


class SilentObserver:
    """Shows nothing."""

    def page_read(self, scope: Scope, rows: int) -> None:
        """Nothing is shown."""

    def scope_ended(self, result: ScopeResult) -> None:
        """Nothing is shown."""

    def stage_started(self, name: str, detail: str) -> None:
        """Nothing is shown."""

    def requests_expected(self, requests: int) -> None:
        """Nothing is shown."""

    def waiting(self, seconds: float) -> None:
        """Nothing is shown."""


class LineObserver:
    """One line a stage, a pause or a failed scope, and one every ten seconds in between."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`write` takes a line without its end."""
        self._write, self._clock = write, clock
        self._pages = self._rows = self._expected = 0
        self._written_at = clock()

    def page_read(self, scope: Scope, rows: int) -> None:
        """Count, and say so every ten seconds."""
        del scope
        self._pages += 1
        self._rows += rows
        if self._clock() - self._written_at >= LINE_EVERY_SECONDS:
            self._say(f"{self._pages:,} of about {self._expected:,} requests, {self._rows:,} records")

    def scope_ended(self, result: ScopeResult) -> None:
        """Say which scope has no proof, and why."""
        if result.verdict is not Verdict.COMPLETE:
            who = result.scope.kind if result.scope.user_id is None else f"user {result.scope.user_id}"
            self._say(f"{who}: {result.verdict.value}: {result.problem}")

    def stage_started(self, name: str, detail: str) -> None:
        """Say where the run is."""
        self._say(f"{name}: {detail}")

    def requests_expected(self, requests: int) -> None:
        """Remember how many requests the run will be."""
        self._expected = requests

    def waiting(self, seconds: float) -> None:
        """Say that the rate limit imposes a pause."""
        self._say(f"waiting {seconds:.0f} s for the rate limit")

    def _say(self, text: str) -> None:
        self._written_at = self._clock()
        self._write(text)


class BarObserver(LineObserver):
    """A progress bar with requests and pauses, above it a line for each scope without a proof."""

    def __init__(self, bar: "RichProgress") -> None:
        """Draw on `bar`, which the caller starts and stops."""
        super().__init__(lambda text: bar.console.print(text, highlight=False, markup=False))
        self._bar = bar
        self._task = bar.add_task("connecting", total=None)

    def page_read(self, scope: Scope, rows: int) -> None:
        """Move the bar."""
        del scope, rows
        self._bar.advance(self._task)

    def stage_started(self, name: str, detail: str) -> None:
        """Name the stage on the bar."""
        self._bar.update(self._task, description=f"{name}: {detail}")

    def requests_expected(self, requests: int) -> None:
        """Give the bar its end."""
        self._bar.update(self._task, total=requests)

    def waiting(self, seconds: float) -> None:
        """Say on the bar that the rate limit imposes a pause."""
        self._bar.update(self._task, description=f"waiting {seconds:.0f} s for the rate limit")


@contextlib.contextmanager
def show_progress(*, is_quiet: bool) -> Iterator[Observer]:
    """An observer for standard error: a bar if that is a terminal, else lines, else nothing."""
    if is_quiet:
        yield SilentObserver()
    elif not sys.stderr.isatty():
        yield LineObserver(_write_line)
    else:
        from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            yield BarObserver(bar)


def _write_line(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: T201 - the terminal's edge
