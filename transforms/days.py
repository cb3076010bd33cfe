"""Entries, to the days they cover: per entry, and per person with overlaps counted once."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from transforms.reasons import SORT_ORDER
from transforms.schema import DATES, ENTRY_DAYS, PERSON_DAYS

FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2099, 12, 31)
"""An entry that starts outside these years is a typing error (0206, 9999): none of its days is followed."""

LONGEST_SPAN_DAYS = 3_653
"""Ten years: an entry is followed no further, so that one typing error in a year can't fill the disk.

Whoever changes one of the three adds a migration that counts `materialized_days` of the stored entries again.
"""

HORIZON_DAYS = (LAST_DAY - FIRST_DAY).days + 1
_FRIDAY = 5


def count_materialized_days() -> pl.Expr:
    """How many days of an entry are followed, from its first: of `starts_on` and `calendar_days`, Int32."""
    until_last_day = (pl.lit(LAST_DAY) - pl.col("starts_on")).dt.total_days() + 1
    followed = pl.min_horizontal("calendar_days", until_last_day, LONGEST_SPAN_DAYS)
    is_within = pl.col("starts_on").is_between(FIRST_DAY, LAST_DAY)
    return pl.when(is_within).then(followed).otherwise(0).cast(pl.Int32)


def explode_entry_days(entries: pl.DataFrame, working: Mapping[str, pl.Series]) -> pl.DataFrame:
    """One row a followed day of each entry, as `ENTRY_DAYS`, in the order of `entries` and then by day.

    Needs `organization_id`, `entry_id`, `user_id`, `starts_on`, `materialized_days`, `reason` and the person's
    `calendar`, a key of `working`: whether each day from `FIRST_DAY` to `LAST_DAY` is a working day.
    """
    starts = pl.col("starts_on").to_physical()
    days = (
        entries.lazy()
        .filter(pl.col("materialized_days") > 0)
        .select(
            "organization_id",
            "entry_id",
            pl.int_ranges(starts, starts + pl.col("materialized_days"), dtype=pl.Int32).alias("date_on"),
            "user_id",
            "reason",
            _first_place(working).alias("place"),
        )
        .explode("date_on", empty_as_null=False)
        .collect()
    )
    is_working_day = _gather(working, days["place"] + days["date_on"])
    return ENTRY_DAYS.check(
        days.drop("place").with_columns(pl.col("date_on").cast(pl.Date), is_working_day=is_working_day)
    )


def resolve_person_days(
    entry_days: pl.DataFrame, entries: pl.DataFrame, working: Mapping[str, pl.Series]
) -> pl.DataFrame:
    """One row a person and day, as `PERSON_DAYS`, ascending by key: overlaps resolved by precedence.

    The reason is that of the first entry by `PRECEDENCE`, ties by the lower entry id; the cover is that
    of the first entry, in the same order, that names one. `entries` gives `covering_user_id` by
    `entry_id`, and `calendar` as for `explode_entry_days`; one organization at a time.
    """
    precedence = pl.col("reason").replace_strict(SORT_ORDER, return_dtype=pl.Int32)
    ranked = entries.sort(precedence, "entry_id").with_row_index("rank")
    # Person and day in one number: grouping and sorting by it takes half the time of doing so by the key.
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
    places = ranked.select(_first_place(working)).to_series().gather(first)
    person_days = firsts.select(
        ranked["organization_id"].gather(first),
        ranked["user_id"].gather(first),
        days.cast(pl.Int32).cast(pl.Date).alias("date_on"),
        ranked["reason"].gather(first),
        "entry_count",
        _gather(working, places + days.cast(pl.Int32)).alias("is_working_day"),
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


def _first_place(working: Mapping[str, pl.Series]) -> pl.Expr:
    """Where day 0 of the entry's calendar would be, if all calendars' days stood in one row: Int32.

    A lookup by place keeps five million days cheap: a join by calendar and date costs many times more.
    """
    day_zero = -(FIRST_DAY - date(1970, 1, 1)).days
    places = {name: day_zero + number * HORIZON_DAYS for number, name in enumerate(working)}
    return pl.col("calendar").replace_strict(places, return_dtype=pl.Int32)


def _gather(working: Mapping[str, pl.Series], places: pl.Series) -> pl.Series:
    return pl.concat(working.values()).gather(places)
