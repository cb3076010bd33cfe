"""Records that were there and could not be read: kept aside with a reason code, never counted as gone."""

import polars as pl

from transforms.staged import STAGED_REJECTS

_NOBODY = pl.lit(None, pl.Int64)
_OWNERS = {
    "entry": (pl.col("user_id"), _NOBODY),
    "user": (pl.col("id"), _NOBODY),
    "team": (_NOBODY, pl.col("id")),
    "membership": (pl.col("user_id"), pl.col("team_id")),
}
"""By kind of record, whose it is: the person's id and the team's."""


def collect_rejects(landed: pl.DataFrame, *, organization_id: int, record_kind: str) -> pl.DataFrame:
    """One row a rejected record and page, as `STAGED_REJECTS`. `record_kind` is a key of `_OWNERS`.

    A user's own record belongs to that user; an entry's to the user that it, or its scope, names.
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
