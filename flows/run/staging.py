"""Staging: a landing's segments, normalised, in the staging tables of one connection; each of them once.

What is being read is staged as it is landed, on the landing's own thread: a load then has little left to do.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl

from landing.folder import Landing
from landing.segments import NOTELESS_ENTRIES, kept_text
from transforms.entries import normalise_entries
from transforms.people import normalise_people
from transforms.quality import collect_rejects
from transforms.teams import normalise_team_members, normalise_teams
from warehouse.load.snapshot import StagedTable, create_staging, stage_rows

_STAGED: dict[str, tuple[str, StagedTable, Callable[..., pl.DataFrame]]] = {
    "users": ("user", "staged_people", normalise_people),
    "entries": ("entry", "staged_entries", normalise_entries),
    "teams": ("team", "staged_teams", normalise_teams),
    "memberships": ("membership", "staged_team_members", normalise_team_members),
}
"""By the landing's name for it: a record's kind, the table, and how it is normalised."""

without_note = partial(kept_text, keys=NOTELESS_ENTRIES.kept_keys)
"""What may be kept of a rejected entry's text where notes are not to be stored."""

_Rows = tuple[StagedTable, pl.DataFrame, pl.DataFrame]
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


class Staging:
    """The staging tables of one landing."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, landing: Landing, *, keeps_notes: bool) -> None:
        """Empty tables, private to `connection`, which is this object's own: `close` closes it."""
        self.connection = connection
        self._landing = landing
        self._withholds_notes = landing.facts.keeps_notes and not keeps_notes  # read with another setting
        self._staged: set[Path] = set()
        create_staging(connection)

    def stage(self, segment: Path) -> None:
        """The segment's records are staged."""
        self._insert(segment, self._read(segment))

    def complete(self) -> None:
        """All of the landing is staged, also what an earlier process or another machine read."""
        missing = [
            path for kind in _STAGED for path in self._landing.segments(kind) if path not in self._staged
        ]
        for segment, rows in prefetch(lambda path: (path, self._read(path)), missing):
            self._insert(segment, rows)

    def close(self) -> None:
        """The tables are gone."""
        self.connection.close()

    def _read(self, segment: Path) -> _Rows:
        kind, organization_id = segment.name.partition("-")[0], self._landing.facts.organization_id
        record_kind, table, normalise = _STAGED[kind]
        landed = pl.read_parquet(segment)
        if kind == "entries" and self._withholds_notes:
            landed = _without_notes(landed)
        rejects = collect_rejects(landed, organization_id=organization_id, record_kind=record_kind)
        return table, normalise(landed, organization_id=organization_id), rejects

    def _insert(self, segment: Path, rows: _Rows) -> None:
        table, accepted, rejects = rows
        stage_rows(self.connection, table, accepted)
        stage_rows(self.connection, "staged_rejects", rejects)
        self._staged.add(segment)


def prefetch(make: Callable[[_Item], _Made], items: Iterable[_Item]) -> Iterator[_Made]:
    """What `make` gives of each item, in order; the next is made on a thread while one is being used."""
    with ThreadPoolExecutor(1) as thread:
        made: Future[_Made] | None = None
        for item in items:
            last, made = made, thread.submit(make, item)
            if last is not None:
                yield last.result()
        if made is not None:
            yield made.result()


def _without_notes(landed: pl.DataFrame) -> pl.DataFrame:
    kept = pl.col("raw").map_elements(without_note, return_dtype=pl.String)
    return landed.with_columns(pl.lit(None, pl.String).alias("notes"), kept)
