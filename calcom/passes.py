"""Reading without an order: from start to end, again and again, until two passes in a row agree.

For a server whose ids do not ascend, where the argument of `calcom.paging` falls. Pure, as that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from calcom.paging import MAX_PAGES

MAX_PASSES = 4
"""Times that a table without ascending ids is read in order to see two passes agree."""


@dataclass
class Passes:
    """Reading a table whose ids do not ascend, again and again, until two passes in a row agree.

    They agree when both saw the same n ids, none twice, up to a page that ended the data. Then, whatever
    the order, no row is missing: at the end of the first the table had at most n rows, so if one of them
    had not been seen, one of the n was gone by then, and could not have been seen by the second. (A row
    that is gone does not come back within two passes: ids are serial, and who left stays away that long.)
    """

    max_pages: int = MAX_PAGES
    passes: int = 0
    is_proven: bool = False
    _ids: list[int] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)
    _previous: frozenset[int] | None = None
    _pages: int = 0
    _is_hopeless: bool = False

    @property
    def next_skip(self) -> int | None:
        """Where to read on, or None once it is settled."""
        is_settled = self.is_proven or self.passes >= MAX_PASSES or self._is_hopeless
        return None if is_settled else len(self._ids)

    def accept(self, ids: Sequence[int | None], take: int) -> None:
        """Take the ids of the page at `next_skip`, in the server's order."""
        known = [one for one in ids if one is not None]
        self._pages += 1
        self._is_hopeless |= len(known) < len(ids) or self._pages >= self.max_pages
        is_stuck = not self._seen.isdisjoint(known) and self._seen.issuperset(known)
        self._ids += known
        self._seen.update(known)
        is_end = len(ids) < take
        if is_end or is_stuck:
            self._end_pass(is_whole=is_end and len(self._seen) == len(self._ids))

    def _end_pass(self, *, is_whole: bool) -> None:
        seen = frozenset(self._seen) if is_whole else None
        self.is_proven = not self._is_hopeless and seen is not None and seen == self._previous
        self._previous, self._ids, self._seen = seen, [], set()
        self.passes += 1
