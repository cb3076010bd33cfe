"""The progress of a run: a bar on a terminal, plain lines elsewhere, nothing with `--quiet`."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import ceil
from typing import Protocol

from calcom.scopes import ExtractionListener, Scope, ScopeResult, Verdict
from calcom.wording import count_of

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

    def requests_expected(self, sent: int, missing: int, limit: RateLimit) -> None:
        """Handle the requests that are sent, the estimate of those to come, and the limit under which they are sent."""

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

    def requests_expected(self, sent: int, missing: int, limit: RateLimit) -> None:
        """Ignore the estimate."""

    def waiting(self, seconds: float) -> None:
        """Ignore the pause."""


class LineListener:
    """Writes one line per stage, pause and scope without a proof, and one line every ten seconds of reading."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`write` takes a line without its line end."""
        self._write, self._clock = write, clock
        self._requests = self._rows = self._first_requests = 0
        self._total: int | None = None
        """The requests of the run, those before the estimate included; None before the estimate."""
        self._waited = 0.0
        self._limit: RateLimit | None = None
        self._began_at = self._written_at = clock()

    def page_read(self, scope: Scope, rows: int) -> None:
        """Count the request of the page, and write a line every ten seconds."""
        del scope
        self._requests += 1
        self._rows += rows
        if self._clock() - self._written_at >= LINE_EVERY_SECONDS:
            requests = count_of(self._requests, "request")
            self._write_line(
                f"{count_of(self._rows, 'record')} in {requests}; {self._budget_and_time_left()}"
            )

    def scope_ended(self, result: ScopeResult) -> None:
        """Write the scope and its problem, if it is not complete. The summary states a skipped scope."""
        if result.verdict not in (Verdict.COMPLETE, Verdict.SKIPPED):
            self._write_line(f"{result.scope.label}: {result.verdict.value}: {result.problem}")

    def stage_started(self, name: str, detail: str) -> None:
        """Write the stage."""
        self._write_line(f"{name}: {detail}")

    def requests_expected(self, sent: int, missing: int, limit: RateLimit) -> None:
        """Write the number of requests to come, and the time that they take."""
        self._take_estimate(sent, missing, limit)
        self._write_line(f"about {count_of(missing, 'request')} to come; {self._budget_and_time_left()}")

    def waiting(self, seconds: float) -> None:
        """Write the length of the pause."""
        self._waited += seconds
        self._write_line(f"waiting {seconds:.0f} s for the rate limit; {self._budget_and_time_left()}")

    def share_read(self) -> float:
        """Return the share of the requests of the run that are done, at most 1."""
        return self._requests / max(self._total or 0, self._requests, 1)

    def _take_estimate(self, sent: int, missing: int, limit: RateLimit) -> None:
        self._requests = self._first_requests = sent
        self._total, self._limit = sent + missing, limit
        self._began_at, self._waited = self._clock(), 0.0

    def _seconds_left(self) -> float:
        """Return the estimated time until the last request: the pauses of the limit, and the time of the responses."""
        missing = max((self._total or 0) - self._requests, 0)
        busy = self._clock() - self._began_at - self._waited
        paused = self._limit.seconds_for(missing) if self._limit else 0.0
        return paused + missing * max(busy, 0.0) / max(self._requests - self._first_requests, 1)

    def _budget(self) -> str:
        """Return the rest of the rate limit's budget as text."""
        left = self._limit.requests_left() if self._limit else None
        return f"budget {left[0]:,} of {left[1]:,}; " if left else ""

    def _budget_and_time_left(self) -> str:
        return f"{self._budget()}{_about(self._seconds_left())} left"

    def _write_line(self, text: str) -> None:
        self._written_at = self._clock()
        self._write(text)


class BarListener(LineListener):
    """Draws two lines: the stage with a bar and the requests, and the pause or the time left, counted down.

    Scopes without a proof are lines above them. `lines` may be called from another thread.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`write` takes a line that stays above the bar."""
        super().__init__(write, clock)
        self._stage, self._is_reading = "connecting", True
        self._ends_at = self._wait_ends_at = 0.0
        self._budget_shown = ""

    def page_read(self, scope: Scope, rows: int) -> None:
        """Move the bar by one request."""
        del scope
        self._requests += 1
        self._rows += rows
        self._update_estimate()

    def stage_started(self, name: str, detail: str) -> None:
        """Show the stage. The bar ends with the last stage that reads."""
        self._stage, self._is_reading = f"{name}: {detail}", name in _READING_STAGES
        self._wait_ends_at = 0.0

    def requests_expected(self, sent: int, missing: int, limit: RateLimit) -> None:
        """Set the length of the bar."""
        self._take_estimate(sent, missing, limit)
        self._update_estimate()

    def waiting(self, seconds: float) -> None:
        """Show the pause."""
        self._waited += seconds
        self._wait_ends_at = self._clock() + seconds
        self._update_estimate()

    def _update_estimate(self) -> None:
        self._ends_at, self._budget_shown = self._clock() + self._seconds_left(), self._budget()

    def lines(self, width: int) -> list[str]:
        """Return the two lines, each of at most `width` characters; one line for a stage that reads nothing."""
        if not self._is_reading:
            return [_cut(self._stage, width)]
        total = None if self._total is None else max(self._total, self._requests)
        count = f"{self._requests:,}/{total:,}" if total else count_of(self._requests, "request")
        stage = _cut(self._stage, max(width - len(count) - _SHORTEST_BAR - 2, 8))
        cells = min(width - len(stage) - len(count) - 2, _LONGEST_BAR)
        done = cells * self._requests // total if total else 0
        bar = "━" * done + "╌" * (cells - done)
        return [_cut(f"{stage} {bar} {count}", width), _cut(self._state(), width)]

    def _state(self) -> str:
        now = self._clock()
        pause = ceil(self._wait_ends_at - now)
        state = f"waiting {pause} s for the rate limit; " if pause > 0 else ""
        if self._total is None:
            return state.removesuffix("; ")
        return f"{state}{self._budget_shown}{_about(max(self._ends_at - now, 0.0))} left"


_READING_STAGES = ("people", "entries", "teams")
_SHORTEST_BAR, _LONGEST_BAR = 10, 40


def _about(seconds: float) -> str:
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"  # noqa: PLR2004


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


@contextlib.contextmanager
def show_progress(*, is_quiet: bool) -> Iterator[ProgressListener]:
    """Yield the listener for standard error: a bar on a terminal, else lines, or none if `is_quiet`."""
    if is_quiet:
        yield SilentListener()
    elif not sys.stderr.isatty():
        yield LineListener(print_line)
    else:
        from rich.console import Console  # noqa: PLC0415 - only needed on a terminal
        from rich.live import Live  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        console = Console(stderr=True)
        bar = BarListener(lambda line: console.print(line, highlight=False, markup=False))

        def draw() -> Text:
            return Text("\n".join(bar.lines(console.width)), no_wrap=True, overflow="crop")

        with Live(get_renderable=draw, console=console, transient=True, refresh_per_second=4):
            yield bar


def named_lines(name: str) -> LineListener:
    """Return a listener that begins each line with `name`, for one of several concurrent runs."""
    return LineListener(lambda text: print_line(f"{name}: {text}"))


def print_line(text: str) -> None:
    """Write the line to standard error, after the time of day in UTC."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: T201 - the terminal's edge
