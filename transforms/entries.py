"""Normalise landed entries: civil dates, lengths and reason codes.

`start` and `end` are civil dates in the form of UTC instants. Cal.com stores the calendar dates that the
person selected: the first one at its first instant in UTC, the last one at its last instant in UTC. The time
zone of the person plays no part. The date parts are therefore the dates, inclusive at both ends, and no time
zone is ever applied. Source: `outOfOfficeCreateOrUpdate.handler.ts` of Cal.com.

Until January 2024, Cal.com stored the first and the last instant of the days in the local time of its server. Such
a span is a whole number of days, give or take an hour for a clock change, but does not begin at 00:00 UTC. Its dates
are those of the nearest midnights. The dates of any other row are its date parts.
"""

import polars as pl

from transforms.days import count_materialized_days
from transforms.errors import TransformError
from transforms.reasons import STANDARD
from transforms.staged import STAGED_ENTRIES

DAY_ALIGNED, NEAREST_MIDNIGHT, DATE_PARTS = "day_aligned", "nearest_midnight", "date_parts"
"""The values of `date_rule`."""

_MILLISECONDS_PER_DAY = 86_400_000
_TOLERANCE_MILLISECONDS = 3_601_000
"""A clock change lengthens or shortens a span by an hour, and the last second is stored with or without its end."""


def normalise_entries(landed: pl.DataFrame, *, organization_id: int) -> pl.DataFrame:
    """Return one row per valid entry and page, as `STAGED_ENTRIES`, in the order of `landed`.

    `landed` has the entry columns of the landing, with `start` and `end` as RFC 3339 text in UTC. Raise
    `TransformError` if one of these texts is not an instant.
    """
    try:
        entries = _normalise(landed, organization_id)
    except pl.exceptions.PolarsError as error:
        message = f"entries of organization {organization_id}: expected instants in UTC, found {error}"
        raise TransformError(message) from error
    return STAGED_ENTRIES.check(entries)


def _normalise(landed: pl.DataFrame, organization_id: int) -> pl.DataFrame:
    return (
        landed.lazy()
        .filter(pl.col("problem").is_null())
        .with_columns(starts_at_raw=_instant("start"), ends_at_raw=_instant("end"))
        .with_columns(date_rule=_date_rule())
        .with_columns(starts_on=_first_day(), ends_on=_last_day())
        .with_columns(calendar_days=_days_inclusive("starts_on", "ends_on"))
        .select(
            pl.col("page").cast(pl.Int32),
            pl.lit(organization_id, pl.Int64).alias("organization_id"),
            pl.col("id").alias("entry_id"),
            pl.col("uuid").alias("entry_uuid"),
            "user_id",
            pl.col("to_user_id").alias("covering_user_id"),
            "starts_on",
            "ends_on",
            "calendar_days",
            count_materialized_days().alias("materialized_days"),
            _reason_code().alias("reason"),
            pl.col("reason").alias("reason_raw"),
            "has_notes",
            "starts_at_raw",
            "ends_at_raw",
            (pl.col("date_rule") == DAY_ALIGNED).alias("is_day_aligned"),
            "date_rule",
            "notes",
        )
        .collect()
    )


def _date_rule() -> pl.Expr:
    """Return the rule for the dates of an entry, from the times of day and the length of its span."""
    starts, ends = pl.col("starts_at_raw").dt.time(), pl.col("ends_at_raw").dt.truncate("1s").dt.time()
    is_aligned = (starts == pl.time(0, 0, 0)) & (ends == pl.time(23, 59, 59))
    span = (pl.col("ends_at_raw") - pl.col("starts_at_raw")).dt.total_milliseconds()
    days = (span / _MILLISECONDS_PER_DAY).round(mode="half_away_from_zero")
    is_whole = (days >= 1) & ((span - days * _MILLISECONDS_PER_DAY).abs() <= _TOLERANCE_MILLISECONDS)
    return (
        pl.when(is_aligned)
        .then(pl.lit(DAY_ALIGNED))
        .when(is_whole)
        .then(pl.lit(NEAREST_MIDNIGHT))
        .otherwise(pl.lit(DATE_PARTS))
    )


def _first_day() -> pl.Expr:
    starts = pl.col("starts_at_raw")
    return pl.when(_is_nearest()).then(starts.dt.offset_by("12h").dt.date()).otherwise(starts.dt.date())


def _last_day() -> pl.Expr:
    """Return the last date: the day before the nearest midnight to the end, or the date part of the end."""
    ends = pl.col("ends_at_raw")
    midnight = ends.dt.offset_by("12h1ms").dt.date()
    return pl.when(_is_nearest()).then(midnight.dt.offset_by("-1d")).otherwise(ends.dt.date())


def _is_nearest() -> pl.Expr:
    return pl.col("date_rule") == NEAREST_MIDNIGHT


def _instant(name: str) -> pl.Expr:
    parsed = pl.col(name).str.to_datetime("%+", time_zone="UTC", time_unit="us")
    return parsed.dt.replace_time_zone(None)


def _days_inclusive(first: str, last: str) -> pl.Expr:
    days = (pl.col(last) - pl.col(first)).dt.total_days() + 1
    return days.clip(lower_bound=0).cast(pl.Int32)


def _reason_code() -> pl.Expr:
    return (
        pl.when(pl.col("reason").is_null())
        .then(pl.lit("custom"))
        .when(pl.col("reason").is_in(STANDARD))
        .then(pl.col("reason"))
        .otherwise(pl.lit("unknown"))
    )
