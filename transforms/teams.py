"""Teams and memberships as landed, to teams and members as the warehouse keeps them."""

import polars as pl

from transforms.staged import STAGED_TEAM_MEMBERS, STAGED_TEAMS


def normalise_teams(landed: pl.DataFrame, *, organization_id: int) -> pl.DataFrame:
    """One row a readable team and page, as `STAGED_TEAMS`; `landed` has the landing's team columns."""
    teams = landed.filter(pl.col("problem").is_null()).select(
        pl.col("page").cast(pl.Int32),
        pl.lit(organization_id, pl.Int64).alias("organization_id"),
        pl.col("id").alias("team_id"),
        pl.col("parent_id").alias("parent_team_id"),
        "name",
        "slug",
        "is_private",
        "time_zone",
    )
    return STAGED_TEAMS.check(teams)


def normalise_team_members(landed: pl.DataFrame, *, organization_id: int) -> pl.DataFrame:
    """One row a readable membership and page, as `STAGED_TEAM_MEMBERS`, in the landing's order."""
    members = landed.filter(pl.col("problem").is_null()).select(
        pl.col("page").cast(pl.Int32),
        pl.lit(organization_id, pl.Int64).alias("organization_id"),
        "team_id",
        "user_id",
        pl.col("id").alias("membership_id"),
        "role",
        "is_accepted",
    )
    return STAGED_TEAM_MEMBERS.check(members)
