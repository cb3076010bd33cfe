"""The lines that a run writes to the console while it reads."""

from collections.abc import Callable

from calcom.scopes import Scope
from flows.run.progress import LineListener

ORGANIZATION = Scope("organization")


class _Limit:
    """A limit of 120 requests per minute; 7 requests are left."""

    def seconds_for(self, requests: int) -> float:
        return 60.0 * ((requests - 7 + 119) // 120)

    def requests_left(self) -> tuple[int, int] | None:
        return 7, 120


def _listener_on_a_clock() -> tuple[LineListener, list[str], Callable[[float], None]]:
    now, lines = [0.0], list[str]()

    def advance(seconds: float) -> None:
        now[0] += seconds

    return LineListener(lines.append, clock=lambda: now[0]), lines, advance


def test_lines_have_the_expected_requests_the_budget_and_the_time_left() -> None:
    listener, lines, advance = _listener_on_a_clock()
    listener.requests_expected(300, _Limit())
    assert lines == ["about 300 requests to come; budget 7 of 120; about 3 min left"]
    for _ in range(10):
        advance(1.5)
        listener.page_read(ORGANIZATION, 250)
    assert lines[-1].startswith("1,750 records in 7 requests; budget 7 of 120; about ")


def test_a_pause_has_a_line_and_does_not_count_as_slow_reading() -> None:
    listener, lines, advance = _listener_on_a_clock()
    listener.requests_expected(8, _Limit())
    listener.waiting(55.0)
    advance(55.0)
    listener.page_read(ORGANIZATION, 250)
    assert lines[1] == "waiting 55 s for the rate limit; budget 7 of 120; about 60 s left"
    assert lines[2] == "250 records in 1 requests; budget 7 of 120; about 0 s left"
