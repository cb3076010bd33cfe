"""Records that were there and could not be read: kept aside with a reason code, never counted as gone."""

import polars as pl

from transforms.schema import STAGED_REJECTS


def collect_rejects(landed: pl.DataFrame, *, organization_id: int, record_kind: str) -> pl.DataFrame:
    """One row a rejected record and page, as `STAGED_REJECTS`. `record_kind` is `entry` or `user`.

    A user's own record belongs to that user; an entry's to the user that it, or its scope, names.
    """
    owner = "id" if record_kind == "user" else "user_id"
    rejects = landed.filter(pl.col("problem").is_not_null()).select(
        pl.col("page").cast(pl.Int32),
        pl.lit(organization_id, pl.Int64).alias("organization_id"),
        pl.lit(record_kind).alias("record_kind"),
        pl.col("id").alias("record_id"),
        pl.col(owner).alias("user_id"),
        "problem",
        "raw",
    )
    return STAGED_REJECTS.check(rejects)
