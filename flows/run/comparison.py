"""The comparison of the two strategies of a run with `--strategy both`: the entries that they returned differently.

An entry can change between the two reads. So each differing entry is read again with both endpoints; a difference
that remains makes the run partial.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from calcom.scopes import ALL_IDS, ORGANIZATION, Page, Scope, Verdict
from flows.run.context import RunContext
from landing.folder import Landing
from warehouse.load.runs import Difference

_COLUMNS = {
    "uuid": "entry_uuid",
    "user_id": "user_id",
    "to_user_id": "covering_user_id",
    "start": "starts_at_raw",
    "end": "ends_at_raw",
    "reason": "reason_raw",
    "has_notes": "has_notes",
    "notes": "notes",
}
"""The compared columns of a landing segment, with their names in the warehouse."""

_Row = dict[str, Any]


def settle_differences(run: RunContext) -> list[Difference]:
    """Return the differences between the strategies that remain after the differing entries were read again."""
    run.landing.flush()
    if run.source is None or not (candidates := find_differences(run.landing)):
        return []
    user_ids = sorted({difference.user_id for difference in candidates})
    skips = _pages_covering(run.landing, [difference.entry_id for difference in candidates])
    extraction, runner = run.source.extraction, run.source.runner
    runner.run(extraction.scanner.read_again([Scope("user", user_id) for user_id in user_ids], skips))
    runner.run(extraction.settle_departures(run.landing.user_ids()))
    run.landing.flush()
    return find_differences(run.landing)


def find_differences(landing: Landing) -> list[Difference]:
    """Return the entries that the organization's endpoint and the users' endpoints returned differently, by user.

    A scope that is not complete does not prove that an entry is missing. The latest page that covers an entry counts.
    """
    if not (paths := landing.segments("entries")):
        return []
    rows = pl.concat([pl.read_parquet(path, columns=["page", "id", "problem", *_COLUMNS]) for path in paths])
    rows = rows.filter(pl.col("problem").is_null()).drop("problem")
    organization_pages = landing.page_numbers(ORGANIZATION)
    is_org_wide = pl.col("page").is_in(organization_pages)
    latest = rows.sort("page").unique(["id", "user_id", "page"], keep="last")
    org_wide = latest.filter(is_org_wide).unique("id", keep="last", maintain_order=True)
    per_user = latest.filter(~is_org_wide).unique("id", keep="last", maintain_order=True)
    joined = org_wide.join(per_user, on="id", how="full", suffix="_user", coalesce=True)
    is_different = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_user")) for name in _COLUMNS)
    candidates = joined.filter(is_different)["id"].to_list()
    view = _View(landing, rows.filter(pl.col("id").is_in(candidates)).to_dicts())
    differences = (view.compare(entry_id) for entry_id in candidates)
    return sorted(
        (difference for difference in differences if difference is not None),
        key=lambda difference: (difference.user_id, difference.entry_id),
    )


@dataclass
class _Numbered:
    number: int
    page: Page


class _View:
    """The latest rows of some entries, as each endpoint returned them."""

    def __init__(self, landing: Landing, rows: Sequence[_Row]) -> None:
        self._landing = landing
        self._rows = {(row["page"], row["id"]): row for row in rows}
        self._owners = {row["id"]: row["user_id"] for row in rows}
        self._organization = _number(landing, ORGANIZATION)

    def compare(self, entry_id: int) -> Difference | None:
        """Return the difference between the two endpoints for one entry; None if there is none."""
        user_id = self._owners[entry_id]
        scope = Scope("user", user_id)
        org_wide = self._latest(entry_id, self._organization)
        per_user = self._latest(entry_id, _number(self._landing, scope))
        if org_wide is None and per_user is None:
            return None
        if per_user is None:
            is_proved = self._is_complete(scope)
            return Difference(user_id, entry_id, "only_org_wide", None) if is_proved else None
        if org_wide is None:
            is_proved = self._is_complete(ORGANIZATION)
            return Difference(user_id, entry_id, "only_per_user", None) if is_proved else None
        names = [shown for name, shown in _COLUMNS.items() if org_wide[name] != per_user[name]]
        return Difference(user_id, entry_id, "differs", ", ".join(names)) if names else None

    def _latest(self, entry_id: int, pages: Sequence[_Numbered]) -> _Row | None:
        """Return the entry's row on the latest page that covers its id; None if it is not on that page."""
        covering = [numbered for numbered in pages if _covers(numbered.page, entry_id)]
        if not covering:
            return None
        return self._rows.get((max(numbered.number for numbered in covering), entry_id))

    def _is_complete(self, scope: Scope) -> bool:
        result = self._landing.results.get(scope)
        return result is not None and result.verdict is Verdict.COMPLETE


def _number(landing: Landing, scope: Scope) -> list[_Numbered]:
    numbers, pages = landing.page_numbers(scope), landing.pages.get(scope, [])
    return [_Numbered(number, page) for number, page in zip(numbers, pages, strict=True)]


def _covers(page: Page, entry_id: int) -> bool:
    """Return True if the entry would be on the page if it existed."""
    ((lowest, highest),) = ALL_IDS
    low = lowest if page.skip == 0 else page.first_id
    high = highest if page.is_last else page.last_id
    return low is not None and high is not None and low <= entry_id <= high


def _pages_covering(landing: Landing, entry_ids: Iterable[int]) -> list[int]:
    """Return the offsets of the organization's pages that cover the entries, ascending."""
    pages = landing.pages.get(ORGANIZATION, [])
    return sorted({page.skip for page in pages for entry_id in entry_ids if _covers(page, entry_id)})
