"""Explain which rows an answer does not have, and why."""

from pathlib import Path

import polars as pl

from calcom.wording import count_of
from flows.report.filters import Filters
from flows.report.queries import DEFAULT_LIMITS, Dates, QueryLimits, open_published
from warehouse.connection import read_statement


def explain(
    database: Path,
    dates: Dates,
    filters: Filters,
    rows: pl.DataFrame,
    *,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> list[str]:
    """Return a sentence about the cause of an empty answer; an empty list for an answer that needs none.

    An answer with rows is explained too if no published absence overlaps `dates`. Raises as `run_sql`.
    """
    with open_published(database, limits) as fetch:
        entries, first_on, last_on, snapshot_at = fetch(read_statement("read/sql/select_published_span")).row(
            0
        )
    if not entries:
        cause = "" if snapshot_at else ", because no run has read the organization completely; run `ooo sync`"
        return [f"the published tables have no entries{cause}"]
    days = (
        str(dates.from_date) if dates.from_date == dates.to_date else f"{dates.from_date} to {dates.to_date}"
    )
    span = (
        f"the {count_of(entries, 'published entry', 'published entries')} reach from {first_on} to {last_on}"
    )
    known = f"the newest snapshot is of {snapshot_at:%Y-%m-%d}" if snapshot_at else "no snapshot is complete"
    if dates.to_date < first_on or dates.from_date > last_on:
        where = "before the first" if dates.to_date < first_on else "after the last"
        return [f"{days} is {where} published absence: {span}; {known}"]
    if not rows.is_empty():
        return []
    options = f" with {' and '.join(filters.options())}" if filters.options() else ""
    return [f"no row for {days}{options}; {span}; {known}"]


def split_public_holidays(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return `rows` without public holidays, and a sentence about their number if there are any."""
    others = rows.filter(pl.col("reason") != "public_holiday")
    left_out = rows.height - others.height
    note = f"{count_of(left_out, 'public holiday')} left out; add --public-holidays to see them"
    return others, [note] if left_out else []
