"""The circuit breaker opens after consecutive failures, unless a failure predicts nothing about the next scope."""

import pytest

from calcom.errors import ApiError, CalcomError, ProtocolError, TransportError
from calcom.extraction import OPEN_AFTER, SUSPECT_AFTER, CircuitBreaker
from calcom.scopes import Scope

USER, TEAM = Scope("user", 7), Scope("team", team_id=5)
LOST = TransportError(host="h", path="/", cause="reset")
MALFORMED = ProtocolError(path="/", expected="a page", observed="another")


def refused(status: int, *, is_from_edge: bool = False) -> ApiError:
    return ApiError(status=status, path="/", code=None, detail="", request_id=None, is_from_edge=is_from_edge)


@pytest.mark.parametrize(
    ("scope", "error", "counts"),
    [
        (USER, LOST, True),
        (USER, MALFORMED, True),
        (USER, refused(500), True),
        (USER, refused(403), False),
        (USER, refused(403, is_from_edge=True), True),
        (TEAM, refused(500), True),
        (TEAM, refused(403), True),
        (TEAM, refused(401), True),
        (TEAM, refused(404), False),
    ],
)
def test_only_a_failure_that_the_next_scope_would_meet_counts(
    scope: Scope, error: CalcomError, *, counts: bool
) -> None:
    breaker = CircuitBreaker()
    for _ in range(SUSPECT_AFTER):
        breaker.record_failure(error, scope)
    assert breaker.is_suspicious is counts
    for _ in range(OPEN_AFTER - SUSPECT_AFTER):
        breaker.record_failure(error, scope)
    assert (breaker.cause is not None) is counts


def test_a_suspicion_outlives_failures_that_arrive_before_the_users_list_is_requested() -> None:
    breaker = CircuitBreaker()
    for _ in range(SUSPECT_AFTER + 1):
        breaker.record_failure(LOST, USER)
    assert breaker.is_suspicious
    breaker.record_failure(refused(403), USER)
    assert not breaker.is_suspicious


def test_a_success_resets_the_count_of_failures() -> None:
    breaker = CircuitBreaker()
    for _ in range(OPEN_AFTER):
        breaker.record_failure(LOST, TEAM)
        breaker.record_success()
    assert breaker.cause is None
    for _ in range(OPEN_AFTER):
        breaker.record_failure(LOST, TEAM)
    assert f"{OPEN_AFTER} consecutive teams" in str(breaker.cause)
