"""The lines and the bar of a run while it reads."""

from collections.abc import Callable

import pytest

from calcom.scopes import Scope
from flows.run.progress import BarListener, LineListener

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
    listener.requests_expected(0, 300, _Limit())
    assert lines == ["about 300 requests to come; budget 7 of 120; about 3 min left"]
    for _ in range(10):
        advance(1.5)
        listener.page_read(ORGANIZATION, 250)
    assert lines[-1].startswith("1,750 records in 7 requests; budget 7 of 120; about ")


def test_a_pause_has_a_line_and_does_not_count_as_slow_reading() -> None:
    listener, lines, advance = _listener_on_a_clock()
    listener.requests_expected(0, 8, _Limit())
    listener.waiting(55.0)
    advance(55.0)
    listener.page_read(ORGANIZATION, 250)
    assert lines[1] == "waiting 55 s for the rate limit; budget 7 of 120; about 60 s left"
    assert lines[2] == "250 records in 1 request; budget 7 of 120; about 0 s left"


def _bar_on_a_clock() -> tuple[BarListener, Callable[[float], None]]:
    now = [0.0]

    def advance(seconds: float) -> None:
        now[0] += seconds

    return BarListener(lambda _: None, clock=lambda: now[0]), advance


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_pause_is_shown_at_every_width_and_counted_down(width: int) -> None:
    bar, advance = _bar_on_a_clock()
    bar.stage_started("entries", "200 users from id 1234567890123")
    bar.requests_expected(0, 1_300, _Limit())
    bar.waiting(55.0)
    for left in (55, 54, 30, 1):
        advance(55 - left)
        lines = bar.lines(width)
        assert max(map(len, lines)) <= width
        assert lines[1].startswith(f"waiting {left} s for the rate limit"), lines
        advance(left - 55)
    advance(55.0)
    assert "waiting" not in bar.lines(width)[1]
    assert "0/1,300" in bar.lines(width)[0]


def test_the_answer_to_a_request_before_the_pause_does_not_hide_the_pause() -> None:
    bar, _ = _bar_on_a_clock()
    bar.requests_expected(0, 8, _Limit())
    bar.waiting(5.0)
    bar.page_read(ORGANIZATION, 1)
    assert bar.lines(80)[1].startswith("waiting 5 s")


def test_the_time_left_is_counted_down_between_two_pages() -> None:
    bar, advance = _bar_on_a_clock()
    bar.requests_expected(0, 8, _Limit())
    assert bar.lines(80)[1] == "budget 7 of 120; about 60 s left"
    advance(20.0)
    assert bar.lines(80)[1] == "budget 7 of 120; about 40 s left"
    advance(100.0)
    assert bar.lines(80)[1] == "budget 7 of 120; about 0 s left"


def test_the_bar_never_exceeds_its_total_and_counts_the_requests_before_the_estimate() -> None:
    bar, _ = _bar_on_a_clock()
    bar.page_read(ORGANIZATION, 10)
    bar.page_read(ORGANIZATION, 10)
    bar.requests_expected(2, 3, _Limit())
    assert bar.lines(80)[0].endswith(" 2/5")
    for number in range(3, 9):
        bar.page_read(ORGANIZATION, 250)
        shown, total = (int(part) for part in bar.lines(80)[0].split()[-1].split("/"))
        assert (shown, total) == (number, max(number, 5))
        assert bar.lines(80)[0].count("━") <= 40


def test_a_stage_that_reads_nothing_has_no_bar() -> None:
    bar, _ = _bar_on_a_clock()
    bar.stage_started("publish", "/data/" + "x" * 100)
    assert [len(line) for line in bar.lines(80)] == [80]
