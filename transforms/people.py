"""Users as landed, to people as the warehouse keeps them."""

import polars as pl

from transforms.staged import STAGED_PEOPLE


def normalise_people(landed: pl.DataFrame, *, organization_id: int) -> pl.DataFrame:
    """One row a readable user and page, as `STAGED_PEOPLE`; the order is the landing's.

    `landed` has the landing's user columns. A creation time that does not parse becomes null.
    """
    people = landed.filter(pl.col("problem").is_null()).select(
        pl.col("page").cast(pl.Int32),
        pl.lit(organization_id, pl.Int64).alias("organization_id"),
        pl.col("id").alias("user_id"),
        "email",
        "name",
        "username",
        "time_zone",
        "locale",
        pl.col("created_at")
        .str.to_datetime("%+", time_zone="UTC", time_unit="us", strict=False)
        .dt.replace_time_zone(None),
    )
    return STAGED_PEOPLE.check(people)
