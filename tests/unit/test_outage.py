"""Failures in a row are noticed in time; what fails one user or team alone is no outage."""

import pytest

from calcom.errors import ApiError, CalcomError, ProtocolError, TransportError
from calcom.outage import OUTAGE_AFTER, OUTAGE_AT_LAST_AFTER, Outage
from calcom.scopes import Scope

USER, TEAM = Scope("user", 7), Scope("team", team_id=5)
LOST = TransportError(host="h", path="/", cause="reset")
BROKEN = ProtocolError(path="/", expected="a page", found="another")


def answered(status: int) -> ApiError:
    return ApiError(status=status, path="/", code=None, detail="", request_id=None)


@pytest.mark.parametrize(
    ("scope", "error", "counts"),
    [
        (USER, LOST, True),
        (USER, BROKEN, True),
        (USER, answered(500), True),
        (USER, answered(403), False),
        (TEAM, answered(500), True),
        (TEAM, answered(403), True),
        (TEAM, answered(401), True),
        (TEAM, answered(404), False),
    ],
)
def test_only_what_the_next_would_meet_too_counts(scope: Scope, error: CalcomError, *, counts: bool) -> None:
    outage = Outage()
    for _ in range(OUTAGE_AFTER):
        outage.note_failure(error, scope)
    assert outage.is_suspected is counts
    for _ in range(OUTAGE_AT_LAST_AFTER - OUTAGE_AFTER):
        outage.note_failure(error, scope)
    assert (outage.cause is not None) is counts


def test_a_success_in_between_begins_the_count_anew() -> None:
    outage = Outage()
    for _ in range(OUTAGE_AT_LAST_AFTER):
        outage.note_failure(LOST, TEAM)
        outage.note_success()
    assert outage.cause is None
    for _ in range(OUTAGE_AT_LAST_AFTER):
        outage.note_failure(LOST, TEAM)
    assert f"{OUTAGE_AT_LAST_AFTER} teams in a row" in str(outage.cause)
