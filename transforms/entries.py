"""Entries as landed, to entries as the warehouse keeps them: civil dates, reasons, spans.

`start` and `end` are civil dates that wear a Z: Cal.com stores the calendar date that the person clicked,
as the first and last instant of that date *in UTC*, whatever the person's zone. So the date part is the
date, inclusive at both ends, and no time zone is ever applied. Source: Cal.com's
`outOfOfficeCreateOrUpdate.handler.ts`; rows from before 2024 and 2025 can be off the day's edge.
"""

import polars as pl

from transforms.days import count_materialized_days
from transforms.errors import TransformError
from transforms.reasons import STANDARD
from transforms.staged import STAGED_ENTRIES


def normalise_entries(landed: pl.DataFrame, *, organization_id: int) -> pl.DataFrame:
    """One row a readable entry and page, as `STAGED_ENTRIES`; the order is the landing's.

    `landed` has the landing's entry columns, `start` and `end` as RFC 3339 text in UTC. Raises
    `TransformError` if one of them is no instant.
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
        .with_columns(
            starts_on=_civil_date("start"),
            ends_on=_civil_date("end"),
            starts_at_raw=_instant("start"),
            ends_at_raw=_instant("end"),
        )
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
            _is_day_aligned().alias("is_day_aligned"),
            "notes",
        )
        .collect()
    )


def _civil_date(name: str) -> pl.Expr:
    return pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d")


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


def _is_day_aligned() -> pl.Expr:
    starts, ends = pl.col("starts_at_raw").dt.time(), pl.col("ends_at_raw").dt.truncate("1s").dt.time()
    return (starts == pl.time(0, 0, 0)) & (ends == pl.time(23, 59, 59))
