"""Suppress small groups in the answers of named queries, by the people who contribute to each figure.

The contributions to an answer are a second answer, in which each person is an organization of their own. A person
contributes to a figure if the figure is not 0 for this person alone. A figure of 1 to `min_group_size` - 1 people is
null, and so are further figures, until no subtraction within the answer leaves fewer people. `hide_reasons` decides
once per range which reasons are suppressed, so that two queries over one range agree.
"""

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import product

import polars as pl

from transforms.errors import TransformError
from transforms.groups import Groups, close_groups, group_people
from transforms.hidden_reasons import DAY_LEVELS, NOTHING_HIDDEN, TOTAL, Hidden, count_differing, label_days

DIMENSIONS = ("reason", "date_on", "month_on", "year", "month", "weekday", "team_id", "calendar")
"""The columns that distinguish the groups of an organization."""

LABELS = (
    "organization_id",
    *DIMENSIONS,
    *("label", "team", "is_weekend", "calendar_days", "years", "window_from_on", "window_to_on", "policy"),
)
"""The columns that a suppressed group keeps. All other columns are figures, and are null for it."""

FIGURES = (
    *("people_absent", "people_with_spells", "absent_working_days", "absence_days", "absence_working_days"),
    *("cancelled_entries", "entries", "spells", "people"),
)
"""The figures that decide whether a group is suppressed. The first one that a query has counts."""

EXTREMES = ("longest_calendar_days", "longest_working_days")
"""The figures that show the value of a single person. They are always null."""

_PARTS = {
    "people_sick": ("people_absent",),
    "absence_working_days": ("absence_days",),
    "named_days": ("absence_working_days",),
    "present_days": ("named_days", "absence_working_days"),
    "long_term_working_days": ("sick_working_days",),
    "short_term_working_days": ("sick_working_days",),
    "cancelled_before_start": ("cancelled_entries",),
    "cancelled_while_running": ("cancelled_entries",),
    "cancelled_working_days": ("cancelled_days",),
    "shortened_entries": ("entries",),
    "extended_entries": ("entries",),
    "moved_entries": ("entries",),
    "known_entries": ("entries",),
    "late_entries": ("known_entries", "entries"),
    "entries": ("people_absent",),
}
"""The figures that are counted in the same unit as other figures of their row, from which they can be subtracted."""

_FOLLOWERS = {
    **dict.fromkeys(("share_absent", "incidence"), ("people_absent",)),
    "absence_rate": ("absence_working_days", "absent_working_days"),
    "lost_time_rate": ("absent_working_days",),
    "days_lost_per_person": ("absent_working_days", "sick_working_days"),
    "sickness_absence_rate": ("sick_working_days",),
    **dict.fromkeys(("average_people_absent", "seasonal_index"), ("absence_days",)),
    **dict.fromkeys(("spells_per_person", "spells_per_person_year"), ("spells",)),
    **dict.fromkeys(("average_calendar_days", "median_calendar_days", "average_working_days"), ("spells",)),
    "share_of_working_days": ("absence_working_days",),
    "share_named": ("named_days",),
    "share_present": ("present_days",),
    "share_known": ("known_entries",),
    "average_lead_days": ("known_entries",),
    "median_lead_days": ("known_entries",),
    "added_days": ("shortened_entries", "extended_entries"),
    "share_changed": ("shortened_entries", "extended_entries", "moved_entries"),
    "long_term_rate": ("long_term_working_days",),
    "short_term_rate": ("short_term_working_days",),
    "new_spells_per_person_year": ("new_spells",),
    "median_working_days": ("spells",),
}
"""The figures that are computed from other figures of their row: they are null if one of those is null."""

_COARSER = {"date_on": ("month_on", "year", "month", "weekday"), "month_on": ("year", "month")}
"""The periods over which another query may show a total."""


_DAYS = ("absence_by_day", "absence_by_reason", "absence_by_month", "absence_by_year", "absence_by_weekday")
_NUMBERS_OF_PERIODS = {"absence_by_month", "absence_by_year", "absence_by_weekday"}
"""The queries whose numbers of different people are never shown, because two periods can be compared."""

_DAY_QUERIES = {*_DAYS, "absence_seasonality", "absence_by_team"}
"""The queries whose figures count days of absence, which other queries count at other levels."""

_LEVEL_OF = {
    **dict.fromkeys(_DAYS[1:], ("days", None)),
    "absence_seasonality": ("days", None),
    "coverage_rate": ("working_days", None),
    "absence_incidence": ("member_days", None),
    "absence_rate_by_reason": ("lost_days", None),
    "lost_time_rate": ("lost_days", TOTAL),
    "absence_rate": ("lost_days", TOTAL),
    "spell_duration": ("spells", None),
    "spell_frequency": ("member_spells", None),
    "lead_time": ("entries", None),
    "changed_leave": ("entries", None),
    "sickness_absence_rate": ("lost_days", "sick"),
}
"""The level of each query, and the reason of its rows if they have no column `reason`."""


def suppress_small_groups(  # noqa: PLR0913, PLR0917 - one answer's facts
    query: str,
    rows: pl.DataFrame,
    people: pl.DataFrame,
    days: pl.DataFrame,
    least: int,
    hidden: Hidden = NOTHING_HIDDEN,
    also: AbstractSet[int] = frozenset(),
) -> pl.DataFrame:
    """Return `rows` with `is_suppressed`, and with null in every figure that shows fewer than `least` people.

    `people` has the figures per `organization_id`, person and group, and `days` the days of absence of each person.
    The order and the types stay. A group without people stays, because it hides no person. The rows
    `also` are suppressed too. Raise `TransformError` if the rows have no figure of `FIGURES`.
    """
    figures = [name for name in rows.columns if name not in LABELS]
    first = next((name for name in FIGURES if name in figures), None)
    if first is None:
        raise TransformError(f"expected one of {', '.join(FIGURES)}; found {', '.join(figures)}")
    keys = [name for name in ("organization_id", *DIMENSIONS) if name in rows.columns]
    joined = rows.select(keys).with_row_index("row").join(people, on=keys)
    sets = _additive_sets(rows)
    at_levels = (
        _groups_at_levels(rows, days, keys, least) if query in _DAY_QUERIES - {"absence_by_team"} else []
    )
    nulls: dict[str, set[int]] = {name: set(range(rows.height)) for name in EXTREMES if name in figures}
    if query in _NUMBERS_OF_PERIODS:
        nulls["people"] = set(range(rows.height))
    for figure in [first, *(name for name in figures if name not in nulls and name != first)]:
        groups = group_people(joined, pl.col(figure), least)
        wholes = [pl.col(name) - pl.col(figure) for name in _PARTS.get(figure, ()) if name in figures]
        rests = [group_people(joined, rest, least) for rest in wholes]
        seeds = _hidden_rows(query, rows, figure, hidden) | nulls.get(first, also)
        if query == "absence_by_day" and figure == first:
            seeds |= _days_lacking_few_people(joined, days, least)
        if _is_overlapping(query):
            seeds |= _similar_rows(query, joined, figure, least, hidden)
        nulls[figure] = close_groups(sets, [groups, *rests, *at_levels], seeds, least) | nulls.get(
            first, set()
        )
    for figure in figures:
        for leader in _FOLLOWERS.get(figure, ()):
            nulls[figure] |= nulls.get(leader, set())
    masks = {
        name: pl.Series([row in nulls[name] for row in range(rows.height)], dtype=pl.Boolean)
        for name in figures
    }
    return rows.with_columns(
        *(pl.when(~mask).then(pl.col(name)).alias(name) for name, mask in masks.items()),
        is_suppressed=masks[first],
    )


def _groups_at_levels(rows: pl.DataFrame, days: pl.DataFrame, keys: list[str], least: int) -> list[Groups]:
    """Return the people of each row at each of `DAY_LEVELS`."""
    numbered = rows.select(keys).with_row_index("row")
    joined = numbered.join(label_days(days), on=keys).unique(["row", "person", *DAY_LEVELS.values()])
    return [
        group_people(joined.filter(pl.col(column)).unique(["row", "person"]), pl.lit(1), least)
        for column in DAY_LEVELS.values()
    ]


def _additive_sets(rows: pl.DataFrame) -> list[list[int]]:
    """Return the rows of each set of groups over which a total may be known: one or more dimensions summed."""
    dimensions = [name for name in DIMENSIONS if name in rows.columns and name != "team_id"]
    if "date_on" in dimensions and "weekday" in dimensions:
        dimensions.remove("weekday")  # it follows from the date
    if not dimensions or "window_from_on" in rows.columns:  # windows overlap
        return []
    frame = rows.select("organization_id", *dimensions).with_row_index("row")
    if "reason" in dimensions:
        frame = frame.filter(pl.col("reason") != "any")
    for name in set(dimensions) & _COARSER.keys():
        day = pl.col(name)
        frame = frame.with_columns(
            **{f"{name}.month_on": day.dt.truncate("1mo"), f"{name}.year": day.dt.year()},
            **{f"{name}.month": day.dt.month(), f"{name}.weekday": day.dt.weekday()},
        )
    choices = [
        (name, *(f"{name}.{period}" for period in _COARSER.get(name, ())), None) for name in dimensions
    ]
    sets: list[list[int]] = []
    for chosen in product(*choices):
        if list(chosen) != dimensions:
            kept = ["organization_id", *(name for name in chosen if name)]
            sets += frame.group_by(kept, maintain_order=True).agg("row")["row"].to_list()
    return sets


def _hidden_rows(query: str, rows: pl.DataFrame, figure: str, hidden: Hidden) -> set[int]:
    """Return the rows whose reason is hidden in every query over the range."""
    level, reason = _LEVEL_OF.get(query, (None, None))
    if figure in {"absence_working_days", "share_of_working_days"} and level == "days":
        level = "working_days"
    if query == "sickness_absence_rate" and figure.startswith("new_spells"):
        level = "member_spells"
    if query == "absence_by_day" and figure == "people_sick":
        level, reason = "days", "sick"
    if level is None:
        return set()
    organizations = rows["organization_id"].to_list()
    reasons = [reason] * rows.height if reason is not None else rows["reason"].replace("any", TOTAL).to_list()
    reasons_hidden = hidden.reasons.get(level, set())
    return {row for row, key in enumerate(zip(organizations, reasons, strict=True)) if key in reasons_hidden}


SHARES_OF_DAYS = ("peak_absence", "bridge_days")
"""The queries whose rows are days of `absence_by_day`, or parts of them."""


def suppress_days(  # noqa: PLR0913, PLR0917 - two answers' facts
    query: str,
    rows: pl.DataFrame,
    people: pl.DataFrame,
    by_day: pl.DataFrame,
    people_by_day: pl.DataFrame,
    days: pl.DataFrame,
    least: int,
) -> pl.DataFrame:
    """Return `rows` of one of `SHARES_OF_DAYS` without small groups, and without the days that `by_day` suppresses.

    A day is also suppressed if 1 to `least` - 1 people are absent in none of its rows.
    """
    day = ["organization_id", "date_on"]
    absent = people_by_day.filter(pl.col("people_absent") > 0).select(*day, "person")
    counted = people.filter(pl.col("people_absent") > 0).select(*day, "person")
    others = absent.join(counted, on=[*day, "person"], how="anti").group_by(day).agg(pl.len())
    suppressed = suppress_small_groups("absence_by_day", by_day, people_by_day, days, least).filter(
        "is_suppressed"
    )
    closed = pl.concat([suppressed.select(day), others.filter(pl.col("len") < least).select(day)]).unique()
    numbered = rows.with_row_index("row")
    also = set(numbered.join(closed, on=day, how="semi")["row"].to_list())
    shown = suppress_small_groups(query, rows, people, days, least, also=also)
    # The order by size would show the size of a suppressed day.
    return shown.sort("organization_id", "is_suppressed", maintain_order=True) if also else shown


def _days_lacking_few_people(joined: pl.DataFrame, days: pl.DataFrame, least: int) -> set[int]:
    """Return the rows of days on which 1 to `least` - 1 of the people who are absent in the range are not absent."""
    absent = joined.filter(pl.col("people_absent") > 0).select("row", "organization_id", "person")
    seen: set[int] = set()
    for counted in (days, days.filter(pl.col("is_member_day") & (pl.col("reason") != "public_holiday"))):
        all_people = counted.select("organization_id", "person").unique()
        pairs = absent.select("row", "organization_id").unique().join(all_people, on="organization_id")
        missing = pairs.join(absent, on=["row", "person"], how="anti").group_by("row").agg(pl.len())
        seen |= set(missing.filter(pl.col("len") < least)["row"].to_list())
    return seen


def _is_overlapping(query: str) -> bool:
    return query in {"absence_by_team", "rolling_sickness_rate"}


def _similar_rows(query: str, joined: pl.DataFrame, figure: str, least: int, hidden: Hidden) -> set[int]:
    """Return the rows of teams or windows that differ from another one, or from a total, by too few people."""
    reason = "sick" if query == "rolling_sickness_rate" else TOTAL
    vectors: defaultdict[int, dict[int, float]] = defaultdict(dict)
    organizations: dict[int, int] = {}
    for row, organization, person, value in (
        joined.filter(pl.col(figure) != 0)
        .select("row", "organization_id", "person", figure)
        .sort("row")
        .iter_rows()
    ):
        vectors[row][person] = value
        organizations[row] = organization
    shown: defaultdict[int, list[Mapping[int, float]]] = defaultdict(list)
    for level, organization, shown_reason in product(
        DAY_LEVELS, set(organizations.values()), {reason, TOTAL}
    ):
        key = (organization, shown_reason)
        total = hidden.values.get(level, {}).get(key, {})
        if key not in hidden.reasons.get(level, set()) and total:
            shown[organization].append(dict.fromkeys(total, 1) if figure == "people_absent" else total)
    similar = set()
    for row, vector in vectors.items():
        others = shown[organizations[row]]
        if any(0 < count_differing(other, vector) < least for other in others):
            similar.add(row)
        else:
            others.append(vector)
    return similar
