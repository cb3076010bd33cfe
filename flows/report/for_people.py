"""Shape rows for people: names and labels in place of codes, columns in words, ids last."""

import polars as pl

from flows.report.filters import Fetch
from transforms.table import INSTANT

ABSENCES = "absences"
"""The view that has the entries with names. It takes the place of fct_ooo_entries."""

_FIRST = (
    *("organization", "name", "teams", "team", "reason", "date_on", "month_on", "starts_on", "ends_on"),
    *("working_days", "calendar_days", "covering_name"),
)
"""The columns that come first, in this order."""

_LEFT_OUT = frozenset(
    (
        *(
            "entry_uuid",
            "reason_raw",
            "starts_at_raw",
            "ends_at_raw",
            "is_day_aligned",
            "date_rule",
            "reason_label",
        ),
        *("label", "materialized_days", "membership_id", "parent_team_id", "holidays_version", "policy"),
        *("has_cover", "lead_days", "deletion_cause", "is_stale", "first_seen_at", "last_seen_at"),
    )
)
"""The columns about the storage of a row, and those that another column states in words."""

_HEADERS = {
    "starts_on": "First day",
    "ends_on": "Last day",
    "first_on": "First day",
    "last_on": "Last day",
    "date_on": "Date",
    "covering_name": "Covered by",
    "email": "E-mail address",
    "user_id": "Person id",
    "covering_user_id": "Cover id",
    "is_cover_absent": "Cover is absent",
}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ID_SUFFIXES = ("_id", "_uuid")


def shape_for_people(fetch: Fetch, rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with names, teams and labels, without technical columns, and with the ids as last columns.

    The name of the organization is a column if several organizations are published. The order of the rows stays.
    """
    named = _add_names(fetch, rows)
    if "reason" in named.columns:
        labels = dict(fetch("SELECT reason, label FROM dim_reasons").iter_rows())
        named = named.with_columns(pl.col("reason").replace(labels))
    if "weekday" in named.columns:
        weekdays = dict(enumerate(_WEEKDAYS, start=1))
        named = named.with_columns(pl.col("weekday").replace_strict(weekdays, return_dtype=pl.String))
    yes_or_no = [name for name in named.columns if named.schema[name] == pl.Boolean]
    named = named.with_columns(
        pl.when(name).then(pl.lit("yes")).when(~pl.col(name)).then(pl.lit("no")).alias(name)
        for name in yes_or_no
    )
    kept = [name for name in named.columns if name not in _LEFT_OUT]
    first = [name for name in _FIRST if name in kept]
    ids = [name for name in kept if name.endswith(_ID_SUFFIXES)]
    others = [name for name in kept if name not in first and name not in ids]
    shaped = named.select(*first, *others, *ids)
    return shaped.rename({name: _header(name, shaped.schema[name]) for name in shaped.columns})


def _add_names(fetch: Fetch, rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with the columns `organization`, `name`, `teams`, `team` and `covering_name`, where ids allow."""
    people = fetch("SELECT organization_id, user_id, name FROM dim_people")
    named = rows.drop("organization", strict=False)
    if "user_id" in rows.columns:
        if "name" not in rows.columns:
            named = _join(named, people)
        if "teams" not in rows.columns and "team_id" not in rows.columns:
            named = _join(
                named,
                fetch(
                    "SELECT organization_id, user_id, string_agg(team, ', ' ORDER BY team, team_id) AS teams"
                    " FROM team_members GROUP BY organization_id, user_id"
                ),
            )
    if "covering_user_id" in rows.columns and "covering_name" not in rows.columns:
        named = _join(named, people.rename({"user_id": "covering_user_id", "name": "covering_name"}))
    if "team_id" in rows.columns and "team" not in rows.columns and "user_id" in rows.columns:
        named = _join(named, fetch("SELECT organization_id, team_id, name AS team FROM dim_teams"))
    organizations = fetch(
        "SELECT organization_id, coalesce(name, organization_id::VARCHAR) AS organization"
        " FROM dim_organizations"
    )
    if "organization_id" in rows.columns and organizations.height > 1:
        named = _join(named, organizations)
    return named


def _join(rows: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with the last column of `names`, joined on its other columns."""
    return rows.join(names, on=names.columns[:-1], how="left", maintain_order="left")


def _header(name: str, dtype: pl.DataType) -> str:
    """Return the name of a column in words."""
    words = (
        name.removesuffix("_on")
        .removesuffix("_at")
        .removeprefix("is_")
        .removeprefix("has_")
        .replace("_", " ")
    )
    header = _HEADERS.get(name, words[0].upper() + words[1:])
    return f"{header} (UTC)" if dtype == INSTANT else header
