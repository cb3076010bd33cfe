"""The visible entries in the orders in which the API lists them, page by page."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Literal, NamedTuple

from calcom.simulator.records import Entry

SortColumn = Literal["start", "end"]


class Sort(NamedTuple):
    """The one column that a listing is ordered by."""

    column: SortColumn
    descending: bool


class Listings:
    """The organization's listing and its users' listings; small changes keep them, cheaply.

    Whoever changes a row's columns calls `forget_orders`; when people come or go, a new object is
    made. Pages of a million entries are slices.
    """

    def __init__(self, entries: Iterable[Entry], members: Container[int]) -> None:
        """List the entries, given by ascending id, of the organization's members."""
        self._all: list[Entry] = []
        self._of_user: dict[int, list[Entry]] = {}
        self._orders: dict[SortColumn, tuple[list[Entry], list[str]]] = {}
        for entry in entries:
            if entry.user_id in members:
                self.append(entry)

    def append(self, entry: Entry) -> None:
        """Add an entry whose id is the highest so far."""
        self._all.append(entry)
        self._of_user.setdefault(entry.user_id, []).append(entry)
        self._orders.clear()

    def remove(self, entry: Entry) -> None:
        """Take the entry out, if it is listed."""
        _remove_by_id(self._all, entry)
        _remove_by_id(self._of_user.get(entry.user_id, []), entry)
        self._orders.clear()

    def forget_orders(self) -> None:
        """Sort anew next time: a row's start or end has changed."""
        self._orders.clear()

    def rows(self, user_id: int | None) -> Sequence[Entry]:
        """The listing by ascending id, of one user when asked."""
        return self._all if user_id is None else self._of_user.get(user_id, ())

    def page(self, user_id: int | None, take: int, skip: int, sort: Sort | None) -> Sequence[Entry]:
        """One page: strictly by id when unsorted, without a tie-breaker when sorted."""
        if sort is None:
            return self.rows(user_id)[skip : skip + take]
        ordered, values = self._ordered(user_id, sort.column)
        return _page_without_tie_breaker(ordered, values, sort, take, skip)

    def _ordered(self, user_id: int | None, column: SortColumn) -> tuple[list[Entry], list[str]]:
        """The rows by the column, and the column; kept for the organization until a change."""
        if user_id is None and column in self._orders:
            return self._orders[column]
        value_of = _COLUMNS[column]
        ordered = sorted(self.rows(user_id), key=value_of)
        values = [value_of(entry) for entry in ordered]
        if user_id is None:
            self._orders[column] = ordered, values
        return ordered, values


def entry_id_of(entry: Entry) -> int:
    """The key that unsorted listings are ordered by."""
    return entry.entry_id


_COLUMNS: dict[SortColumn, Callable[[Entry], str]] = {
    "start": lambda entry: entry.start,
    "end": lambda entry: entry.end,
}


def _remove_by_id(entries: list[Entry], entry: Entry) -> None:
    position = bisect_left(entries, entry.entry_id, key=entry_id_of)
    if position < len(entries) and entries[position] is entry:
        del entries[position]


def _page_without_tie_breaker(
    ordered: Sequence[Entry], values: Sequence[str], sort: Sort, take: int, skip: int
) -> list[Entry]:
    """A page of a listing sorted by a column that ties, each page sorting the ties its own way.

    PostgreSQL owes no order to equal values and picks a plan per page, so a row may come on two
    pages and another on none, without any write (measured). Here every second page has its ties
    the other way round: a tie that crosses a page border always loses and repeats rows.
    """
    page = []
    flips_ties = skip // take % 2 == 1
    for position in range(skip, min(skip + take, len(ordered))):
        index = len(ordered) - 1 - position if sort.descending else position
        if flips_ties:
            first, after = bisect_left(values, values[index]), bisect_right(values, values[index])
            index = first + after - 1 - index
        page.append(ordered[index])
    return page
