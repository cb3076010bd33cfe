"""Entries, to the days they cover: per entry, and per person with overlaps counted once."""

from datetime import date, timedelta

import polars as pl

from transforms.reasons import SORT_ORDER
from transforms.schema import DATES, ENTRY_DAYS, PERSON_DAYS

LONGEST_SPAN_DAYS = 36_525
"""A century: an entry is followed no further, so that one typing error in a year can't fill the disk."""

_FRIDAY = 5


def explode_entry_days(entries: pl.DataFrame) -> pl.DataFrame:
    """One row a day of each entry, as `ENTRY_DAYS`, in the order of `entries` and then by day.

    Needs `organization_id`, `entry_id`, `user_id`, `starts_on`, `ends_on` (both inclusive) and `reason`.
    An entry whose end lies before its start has no days.
    """
    last = pl.min_horizontal("ends_on", pl.col("starts_on") + timedelta(days=LONGEST_SPAN_DAYS - 1))
    days = (
        entries.lazy()
        .filter(pl.col("ends_on") >= pl.col("starts_on"))
        .select(
            "organization_id",
            "entry_id",
            pl.date_ranges("starts_on", last).alias("date_on"),
            "user_id",
            "reason",
        )
        .explode("date_on", empty_as_null=False)
        .with_columns(is_working_day=_is_working_day())
        .collect()
    )
    return ENTRY_DAYS.check(days)


def resolve_person_days(entry_days: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """One row a person and day, as `PERSON_DAYS`, ascending by key: overlaps resolved by precedence.

    The reason is that of the first entry by `PRECEDENCE`, ties by the lower entry id; the cover is that
    of the first entry, in the same order, that names one. `entries` gives `covering_user_id` by
    `entry_id`; one organization at a time.
    """
    precedence = pl.col("reason").replace_strict(SORT_ORDER, return_dtype=pl.Int32)
    ranked = entries.sort(precedence, "entry_id").with_row_index("rank")
    ranks = ranked.lazy().select(
        "entry_id",
        "rank",
        rank_of_cover=pl.when(pl.col("covering_user_id").is_not_null()).then("rank"),
    )
    firsts = (
        entry_days.lazy()
        .select(*PERSON_DAYS.key, "entry_id")
        .join(ranks, on="entry_id")
        .group_by(PERSON_DAYS.key)
        .agg(pl.col("rank", "rank_of_cover").min(), entry_count=pl.len().cast(pl.Int32))
        .sort(PERSON_DAYS.key)
        .collect()
    )
    person_days = firsts.select(
        *PERSON_DAYS.key,
        ranked["reason"].gather(firsts["rank"]),
        "entry_count",
        _is_working_day().alias("is_working_day"),
        ranked["covering_user_id"].gather(firsts["rank_of_cover"]),
    )
    return PERSON_DAYS.check(person_days)


def build_calendar(first: date, last: date) -> pl.DataFrame:
    """One row a day from `first` to `last`, both included, as `DATES`."""
    day = pl.col("date_on")
    calendar = pl.select(date_on=pl.date_range(first, last)).select(
        "date_on",
        day.dt.year().cast(pl.Int32).alias("year"),
        day.dt.quarter().cast(pl.Int32).alias("quarter"),
        day.dt.month().cast(pl.Int32).alias("month"),
        day.dt.week().cast(pl.Int32).alias("iso_week"),
        day.dt.weekday().cast(pl.Int32).alias("weekday"),
        (day.dt.weekday() > _FRIDAY).alias("is_weekend"),
    )
    return DATES.check(calendar)


def _is_working_day() -> pl.Expr:
    return pl.col("date_on").dt.weekday() <= _FRIDAY
