"""Derive the days of absence: per entry, and per person with overlapping entries counted once."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from transforms.reasons import SORT_ORDER
from transforms.schema import DATES, ENTRY_DAYS, PERSON_DAYS

FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2099, 12, 31)
"""An entry that starts outside these years is a typing error (0206, 9999). It gets no materialized days."""

LONGEST_SPAN_DAYS = 3_653
"""Ten years, the most materialized days of an entry, so that one typing error cannot fill the disk.

If one of these three constants changes, a migration must recount `materialized_days` of the stored entries.
"""

HORIZON_DAYS = (LAST_DAY - FIRST_DAY).days + 1
_FRIDAY = 5


def count_materialized_days() -> pl.Expr:
    """Return the number of materialized days of an entry, from `starts_on` and `calendar_days`, as Int32."""
    until_last_day = (pl.lit(LAST_DAY) - pl.col("starts_on")).dt.total_days() + 1
    materialized = pl.min_horizontal("calendar_days", until_last_day, LONGEST_SPAN_DAYS)
    is_within = pl.col("starts_on").is_between(FIRST_DAY, LAST_DAY)
    return pl.when(is_within).then(materialized).otherwise(0).cast(pl.Int32)


def explode_entry_days(entries: pl.DataFrame, working: Mapping[str, pl.Series]) -> pl.DataFrame:
    """Return one row per materialized day of each entry, as `ENTRY_DAYS`, by the order of `entries`, then by day.

    `entries` has `organization_id`, `entry_id`, `user_id`, `starts_on`, `materialized_days`, `reason` and
    `calendar`, the work calendar of the person. `working` has a series per calendar: for each day from
    `FIRST_DAY` to `LAST_DAY`, whether it is a working day.
    """
    starts = pl.col("starts_on").to_physical()
    days = (
        entries.lazy()
        .select(
            "organization_id",
            "entry_id",
            pl.int_ranges(starts, starts + pl.col("materialized_days"), dtype=pl.Int32).alias("date_on"),
            "user_id",
            "reason",
            _calendar_offset(working).alias("offset"),
        )
        .explode("date_on", empty_as_null=False)
        .collect()
    )
    is_working_day = _gather(working, days["offset"] + days["date_on"])
    return ENTRY_DAYS.check(
        days.drop("offset").with_columns(pl.col("date_on").cast(pl.Date), is_working_day=is_working_day)
    )


def resolve_person_days(
    entry_days: pl.DataFrame, entries: pl.DataFrame, working: Mapping[str, pl.Series]
) -> pl.DataFrame:
    """Return one row per person and day, as `PERSON_DAYS`, ascending by key.

    The entries of a day are ordered by the precedence of their reasons, then by entry id. The reason is that
    of the first entry, and the cover is that of the first entry that names one. `entries` has the columns for
    `explode_entry_days` and `covering_user_id`. All rows belong to one organization.
    """
    precedence = pl.col("reason").replace_strict(SORT_ORDER, return_dtype=pl.Int32)
    ranked = entries.sort(precedence, "entry_id").with_row_index("rank")
    # One number for person and day: grouping and sorting by it takes half the time of doing so by the key.
    people = ranked.select(pl.col("user_id").rank("dense").cast(pl.Int64) * HORIZON_DAYS).to_series()
    ranks = ranked.lazy().select(
        "entry_id",
        "rank",
        rank_of_cover=pl.when(pl.col("covering_user_id").is_not_null()).then("rank"),
        person=people,
    )
    firsts = (
        entry_days.lazy()
        .select("entry_id", "date_on")
        .join(ranks, on="entry_id")
        .select("rank", "rank_of_cover", person_day=pl.col("person") + pl.col("date_on").to_physical())
        .group_by("person_day")
        .agg(pl.col("rank", "rank_of_cover").min(), entry_count=pl.len().cast(pl.Int32))
        .sort("person_day")
        .collect()
    )
    first, days = firsts["rank"], firsts["person_day"] - people.gather(firsts["rank"])
    offsets = ranked.select(_calendar_offset(working)).to_series().gather(first)
    person_days = firsts.select(
        ranked["organization_id"].gather(first),
        ranked["user_id"].gather(first),
        days.cast(pl.Int32).cast(pl.Date).alias("date_on"),
        ranked["reason"].gather(first),
        "entry_count",
        _gather(working, offsets + days.cast(pl.Int32)).alias("is_working_day"),
        ranked["covering_user_id"].gather(firsts["rank_of_cover"]),
    )
    return PERSON_DAYS.check(person_days)


def build_calendar(first: date, last: date) -> pl.DataFrame:
    """Return one row per date from `first` to `last`, both inclusive, as `DATES`."""
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


def _calendar_offset(working: Mapping[str, pl.Series]) -> pl.Expr:
    """Return the offset of the entry's calendar, as Int32, in the concatenated series of all calendars.

    The offset plus the day number (from 1970-01-01) is the position of a day. A lookup by position stays cheap
    for five million days; a join by calendar and date costs many times more.
    """
    day_zero = -(FIRST_DAY - date(1970, 1, 1)).days
    offsets = {name: day_zero + number * HORIZON_DAYS for number, name in enumerate(working)}
    return pl.col("calendar").replace_strict(offsets, return_dtype=pl.Int32)


def _gather(working: Mapping[str, pl.Series], positions: pl.Series) -> pl.Series:
    return pl.concat(working.values()).gather(positions)
