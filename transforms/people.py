"""Normalise landed users, teams and memberships."""

import polars as pl

from transforms.staged import STAGED_PEOPLE, STAGED_TEAM_MEMBERS, STAGED_TEAMS


def normalise_people(landed: pl.DataFrame, *, organization_id: int) -> pl.DataFrame:
    """Return one row per valid user and page, as `STAGED_PEOPLE`, in the order of `landed`.

    `landed` has the user columns of the landing. A creation time that does not parse becomes null.
    """
    created_at = pl.col("created_at").str.to_datetime("%+", time_zone="UTC", time_unit="us", strict=False)
    people = _valid(landed).select(
        pl.col("page").cast(pl.Int32),
        pl.lit(organization_id, pl.Int64).alias("organization_id"),
        pl.col("id").alias("user_id"),
        "email",
        "name",
        "username",
        "time_zone",
        "locale",
        created_at.dt.replace_time_zone(None),
    )
    return STAGED_PEOPLE.check(people)


def normalise_teams(landed: pl.DataFrame, *, organization_id: int) -> pl.DataFrame:
    """Return one row per valid team and page, as `STAGED_TEAMS`, in the order of `landed`.

    `landed` has the team columns of the landing.
    """
    teams = _valid(landed).select(
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
    """Return one row per valid membership and page, as `STAGED_TEAM_MEMBERS`, in the order of `landed`.

    `landed` has the membership columns of the landing.
    """
    members = _valid(landed).select(
        pl.col("page").cast(pl.Int32),
        pl.lit(organization_id, pl.Int64).alias("organization_id"),
        "team_id",
        "user_id",
        pl.col("id").alias("membership_id"),
        "role",
        "is_accepted",
    )
    return STAGED_TEAM_MEMBERS.check(members)


def _valid(landed: pl.DataFrame) -> pl.DataFrame:
    return landed.filter(pl.col("problem").is_null())
