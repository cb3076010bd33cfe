"""The progress of a run: a bar on a terminal, plain lines elsewhere, nothing with `--quiet`."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from calcom.paging import Verdict
from calcom.scopes import ExtractionListener, Scope, ScopeResult

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

LINE_EVERY_SECONDS = 10.0


class RateLimit(Protocol):
    """The rate limit under which requests are sent, for a progress display."""

    def seconds_for(self, requests: int) -> float:
        """Return the seconds that the limit will add to `requests` more requests, from its present state."""

    def requests_left(self) -> tuple[int, int] | None:
        """Return the remaining requests and the limit until the next reset, or None without a stated limit."""


class ProgressListener(ExtractionListener, Protocol):
    """Receives the progress of a run."""

    def stage_started(self, name: str, detail: str) -> None:
        """Handle the start of a stage."""

    def requests_expected(self, requests: int, limit: RateLimit) -> None:
        """Handle the estimate of the requests to come, and the limit under which they are sent."""

    def waiting(self, seconds: float) -> None:
        """Handle a pause that the rate limit imposes."""


class SilentListener:
    """Shows nothing."""

    def page_read(self, scope: Scope, rows: int) -> None:
        """Ignore the page."""

    def scope_ended(self, result: ScopeResult) -> None:
        """Ignore the verdict."""

    def stage_started(self, name: str, detail: str) -> None:
        """Ignore the stage."""

    def requests_expected(self, requests: int, limit: RateLimit) -> None:
        """Ignore the estimate."""

    def waiting(self, seconds: float) -> None:
        """Ignore the pause."""


class LineListener:
    """Writes one line per stage, pause and scope without a proof, and one line every ten seconds of reading."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`write` takes a line without its line end."""
        self._write, self._clock = write, clock
        self._pages = self._rows = self._expected = 0
        self._waited = 0.0
        self._limit: RateLimit | None = None
        self._began_at = self._written_at = clock()

    def page_read(self, scope: Scope, rows: int) -> None:
        """Count the page, and write a line every ten seconds."""
        del scope
        self._pages += 1
        self._rows += rows
        if self._clock() - self._written_at >= LINE_EVERY_SECONDS:
            self._write_line(f"{self._rows:,} records in {self._pages:,} requests; {self.time_left()}")

    def scope_ended(self, result: ScopeResult) -> None:
        """Write the scope and its problem, if it is not complete."""
        if result.verdict is not Verdict.COMPLETE:
            self._write_line(f"{result.scope.label}: {result.verdict.value}: {result.problem}")

    def stage_started(self, name: str, detail: str) -> None:
        """Write the stage."""
        self._write_line(f"{name}: {detail}")

    def requests_expected(self, requests: int, limit: RateLimit) -> None:
        """Write the number of requests to come, and the time that they take."""
        self._pages, self._expected, self._limit = 0, requests, limit
        self._began_at, self._waited = self._clock(), 0.0
        self._write_line(f"about {requests:,} requests to come; {self.time_left()}")

    def waiting(self, seconds: float) -> None:
        """Write the length of the pause."""
        self._waited += seconds
        self._write_line(f"waiting {seconds:.0f} s for the rate limit; {self.time_left()}")

    def time_left(self) -> str:
        """Return the rest of the rate limit's budget and the estimated time left, as text."""
        missing = max(self._expected - self._pages, 0)
        busy = self._clock() - self._began_at - self._waited
        paused = self._limit.seconds_for(missing) if self._limit else 0.0
        seconds = paused + missing * max(busy, 0.0) / max(self._pages, 1)
        left = self._limit.requests_left() if self._limit else None
        budget = f"budget {left[0]:,} of {left[1]:,}; " if left else ""
        time_left = f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"  # noqa: PLR2004
        return f"{budget}{time_left} left"

    def _write_line(self, text: str) -> None:
        self._written_at = self._clock()
        self._write(text)


class BarListener(LineListener):
    """Draws a progress bar with requests and time left; scopes without a proof are lines above it."""

    def __init__(self, bar: "RichProgress") -> None:
        """`bar` is started and stopped by the caller."""
        super().__init__(lambda text: bar.console.print(text, highlight=False, markup=False))
        self._bar = bar
        self._task = bar.add_task("connecting", total=None, left="")

    def page_read(self, scope: Scope, rows: int) -> None:
        """Move the bar by one request."""
        del scope
        self._pages += 1
        self._rows += rows
        self._bar.update(self._task, advance=1, left=self.time_left())

    def stage_started(self, name: str, detail: str) -> None:
        """Show the stage on the bar."""
        self._bar.update(self._task, description=f"{name}: {detail}")

    def requests_expected(self, requests: int, limit: RateLimit) -> None:
        """Set the length of the bar."""
        self._pages, self._expected, self._limit = 0, requests, limit
        self._began_at, self._waited = self._clock(), 0.0
        self._bar.reset(self._task, total=requests, left=self.time_left())

    def waiting(self, seconds: float) -> None:
        """Show the pause on the bar."""
        self._waited += seconds
        left = f"waiting {seconds:.0f} s for the rate limit; {self.time_left()}"
        self._bar.update(self._task, left=left)


@contextlib.contextmanager
def show_progress(*, is_quiet: bool) -> Iterator[ProgressListener]:
    """Yield the listener for standard error: a bar on a terminal, else lines, or none if `is_quiet`."""
    if is_quiet:
        yield SilentListener()
    elif not sys.stderr.isatty():
        yield LineListener(_print_line)
    else:
        from rich.console import Console  # noqa: PLC0415 - only needed on a terminal
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
    """Return a listener that begins each line with `name`, for one of several concurrent runs."""
    return LineListener(lambda text: _print_line(f"{name}: {text}"))


def _print_line(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: T201 - the terminal's edge
