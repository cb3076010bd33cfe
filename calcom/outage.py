"""Noticing that the source is gone, so that ten thousand users are not each waited for. Pure."""

from calcom.errors import ApiError, CalcomError, ErrorKind, is_transient
from calcom.scopes import Scope

OUTAGE_AFTER = 5
"""Users or teams in a row that failed before the users list is asked whether the source is gone."""

OUTAGE_AT_LAST_AFTER = 25
"""Users or teams in a row after which the rest are not asked, whatever the users list says."""


class Outage:
    """What the failures of users, or of teams, in a row say of the source."""

    def __init__(self) -> None:
        """Nothing has failed yet."""
        self.cause: CalcomError | None = None
        """Why the rest are not asked, once that is so."""
        self.is_suspected = False
        self._in_a_row = 0

    def note_failure(self, error: CalcomError, scope: Scope) -> None:
        """Count what the next one would meet too.

        Refused teams count: a credential that may list teams may still lack the scope to read their
        members. A refused user has left, which says nothing of the next.
        """
        refusals = (ErrorKind.FORBIDDEN, ErrorKind.CREDENTIALS)
        is_refused = scope.kind == "team" and isinstance(error, ApiError) and error.kind in refusals
        self._in_a_row = self._in_a_row + 1 if is_transient(error) or is_refused else 0
        self.is_suspected = self._in_a_row > 0 and self._in_a_row % OUTAGE_AFTER == 0
        if self._in_a_row >= OUTAGE_AT_LAST_AFTER:
            self.note_gone(error, scope)

    def note_success(self) -> None:
        """The source is there."""
        self._in_a_row, self.is_suspected = 0, False

    def note_gone(self, error: CalcomError, scope: Scope) -> None:
        """The rest need not be asked."""
        self.cause = CalcomError(
            f"not asked, because {self._in_a_row} {scope.kind}s in a row had failed, and last this: {error}"
        )
