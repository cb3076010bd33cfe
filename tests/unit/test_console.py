"""What a run says of itself while it runs."""

from collections.abc import Callable

from calcom.scopes import Scope
from flows.run.progress import LineListener

ORGANIZATION = Scope("organization")


class _Limit:
    """120 a minute, of which 7 are left."""

    def seconds_for(self, requests: int) -> float:
        return 60.0 * ((requests - 7 + 119) // 120)

    def requests_left(self) -> tuple[int, int] | None:
        return 7, 120


def _observed() -> tuple[LineListener, list[str], Callable[[float], None]]:
    now, lines = [0.0], list[str]()

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return LineListener(lines.append, clock=lambda: now[0]), lines, pass_by


def test_it_says_how_many_requests_are_to_come_the_budget_and_the_time_left() -> None:
    listener, lines, pass_by = _observed()
    listener.requests_expected(300, _Limit())
    assert lines == ["about 300 requests to come; budget 7 of 120; about 3 min left"]
    for _ in range(10):
        pass_by(1.5)
        listener.page_read(ORGANIZATION, 250)
    assert lines[-1].startswith("1,750 records in 7 requests; budget 7 of 120; about ")


def test_a_pause_is_told_and_does_not_count_as_slowness() -> None:
    listener, lines, pass_by = _observed()
    listener.requests_expected(8, _Limit())
    listener.waiting(55.0)
    pass_by(55.0)
    listener.page_read(ORGANIZATION, 250)
    assert lines[1] == "waiting 55 s for the rate limit; budget 7 of 120; about 60 s left"
    assert lines[2] == "250 records in 1 requests; budget 7 of 120; about 0 s left"
