"""Collect the records that failed validation, with a reason code. They do not count as deleted."""

import polars as pl

from transforms.staged import STAGED_REJECTS

_NO_ID = pl.lit(None, pl.Int64)
_OWNERS = {
    "entry": (pl.col("user_id"), _NO_ID),
    "user": (pl.col("id"), _NO_ID),
    "team": (_NO_ID, pl.col("id")),
    "membership": (pl.col("user_id"), pl.col("team_id")),
}
"""For each kind of record, the ids of the person and of the team to which the record belongs."""


def collect_rejects(landed: pl.DataFrame, *, organization_id: int, record_kind: str) -> pl.DataFrame:
    """Return one row per rejected record and page, as `STAGED_REJECTS`, in the order of `landed`.

    `record_kind` is `entry`, `user`, `team` or `membership`. An entry belongs to the user whom its record
    names, or else to the user of its scope.
    """
    user, team = _OWNERS[record_kind]
    rejects = landed.filter(pl.col("problem").is_not_null()).select(
        pl.col("page").cast(pl.Int32),
        pl.lit(organization_id, pl.Int64).alias("organization_id"),
        pl.lit(record_kind).alias("record_kind"),
        pl.col("id").alias("record_id"),
        user.alias("user_id"),
        team.alias("team_id"),
        "problem",
        "raw",
    )
    return STAGED_REJECTS.check(rejects)
