"""What a run shows while it runs: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from calcom.paging import Verdict
from calcom.scopes import Scope, ScopeResult
from flows.run.landed import ProgressListener, RateLimit

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

LINE_EVERY_SECONDS = 10.0


class SilentListener:
    """Shows nothing."""

    def page_read(self, scope: Scope, rows: int) -> None:
        """Nothing is shown."""

    def scope_ended(self, result: ScopeResult) -> None:
        """Nothing is shown."""

    def stage_started(self, name: str, detail: str) -> None:
        """Nothing is shown."""

    def requests_expected(self, requests: int, limit: RateLimit) -> None:
        """Nothing is shown."""

    def waiting(self, seconds: float) -> None:
        """Nothing is shown."""


class LineListener:
    """One line a stage, a pause or a scope without a proof, and one every ten seconds in between."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`write` takes a line without its end."""
        self._write, self._clock = write, clock
        self._pages = self._rows = self._expected = 0
        self._waited = 0.0
        self._limit: RateLimit | None = None
        self._began_at = self._written_at = clock()

    def page_read(self, scope: Scope, rows: int) -> None:
        """Count, and say so every ten seconds."""
        del scope
        self._pages += 1
        self._rows += rows
        if self._clock() - self._written_at >= LINE_EVERY_SECONDS:
            self._say(f"{self._rows:,} records in {self._pages:,} requests; {self.time_left()}")

    def scope_ended(self, result: ScopeResult) -> None:
        """Say which scope has no proof, and why."""
        if result.verdict is not Verdict.COMPLETE:
            self._say(f"{result.scope.label}: {result.verdict.value}: {result.problem}")

    def stage_started(self, name: str, detail: str) -> None:
        """Say where the run is."""
        self._say(f"{name}: {detail}")

    def requests_expected(self, requests: int, limit: RateLimit) -> None:
        """Say how many requests are to come, and how long that takes."""
        self._pages, self._expected, self._limit = 0, requests, limit
        self._began_at, self._waited = self._clock(), 0.0
        self._say(f"about {requests:,} requests to come; {self.time_left()}")

    def waiting(self, seconds: float) -> None:
        """Say that the rate limit imposes a pause."""
        self._waited += seconds
        self._say(f"waiting {seconds:.0f} s for the rate limit; {self.time_left()}")

    def time_left(self) -> str:
        """What is left: of the rate limit's budget, and of the reading's time."""
        missing = max(self._expected - self._pages, 0)
        busy = self._clock() - self._began_at - self._waited
        paused = self._limit.seconds_for(missing) if self._limit else 0.0
        seconds = paused + missing * max(busy, 0.0) / max(self._pages, 1)
        left = self._limit.requests_left() if self._limit else None
        budget = f"budget {left[0]:,} of {left[1]:,}; " if left else ""
        time_left = f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"  # noqa: PLR2004
        return f"{budget}{time_left} left"

    def _say(self, text: str) -> None:
        self._written_at = self._clock()
        self._write(text)


class BarListener(LineListener):
    """A progress bar with requests and the time left, above it a line for each scope without a proof."""

    def __init__(self, bar: "RichProgress") -> None:
        """Draw on `bar`, which the caller starts and stops."""
        super().__init__(lambda text: bar.console.print(text, highlight=False, markup=False))
        self._bar = bar
        self._task = bar.add_task("connecting", total=None, left="")

    def page_read(self, scope: Scope, rows: int) -> None:
        """Move the bar."""
        del scope
        self._pages += 1
        self._rows += rows
        self._bar.update(self._task, advance=1, left=self.time_left())

    def stage_started(self, name: str, detail: str) -> None:
        """Name the stage on the bar."""
        self._bar.update(self._task, description=f"{name}: {detail}")

    def requests_expected(self, requests: int, limit: RateLimit) -> None:
        """Give the bar its end."""
        self._pages, self._expected, self._limit = 0, requests, limit
        self._began_at, self._waited = self._clock(), 0.0
        self._bar.reset(self._task, total=requests, left=self.time_left())

    def waiting(self, seconds: float) -> None:
        """Say on the bar that the rate limit imposes a pause."""
        self._waited += seconds
        left = f"waiting {seconds:.0f} s for the rate limit; {self.time_left()}"
        self._bar.update(self._task, left=left)


@contextlib.contextmanager
def show_progress(*, is_quiet: bool) -> Iterator[ProgressListener]:
    """An listener for standard error: a bar if that is a terminal, else lines, else nothing."""
    if is_quiet:
        yield SilentListener()
    elif not sys.stderr.isatty():
        yield LineListener(_write_line)
    else:
        from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            yield BarListener(bar)


def named_lines(name: str) -> LineListener:
    """Lines for one of many that run at once, each with its name."""
    return LineListener(lambda text: _write_line(f"{name}: {text}"))


def _write_line(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: T201 - the terminal's edge
