"""Decide once per range which reasons every named query suppresses, so that two queries over one range agree."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from transforms.groups import Groups, close_groups

TOTAL = ""
"""The key of the total over all reasons."""

Reason = tuple[int, str]
"""An organization and a reason, or `TOTAL`."""

Values = Mapping[Reason, Mapping[int, float]]
"""The figure of each person per reason. People with 0 are left out."""

DAY_LEVELS = {
    "days": "is_absent",
    "working_days": "is_working_day",
    "member_days": "is_member_day",
    "lost_days": "is_lost_day",
}
"""The levels at which queries count days of absence, and the column of the person's days that selects them."""

OTHER_LEVELS = {
    "spells": ("spell_duration", "spells"),
    "member_spells": ("spell_frequency", "spells"),
    "entries": ("lead_time", "entries"),
}
"""The levels at which queries count something else, each with the query and the figure."""

SHOWN_IN_PARTS = ("days", "working_days")
"""The levels that queries show for parts of a reason: for months, years, weekdays and days."""

_PARTS = ("reason", "month_on", "year", "month", "weekday", "date_on")
"""The columns that divide the days of a reason into parts; the first one is the whole reason."""


@dataclass(frozen=True)
class Hidden:
    """The reasons that are suppressed in every query over one range, per level, and all contributions."""

    reasons: Mapping[str, set[Reason]] = field(default_factory=dict)
    values: Mapping[str, Values] = field(default_factory=dict)


NOTHING_HIDDEN = Hidden()


def hide_reasons(days: pl.DataFrame, contributions: Mapping[str, pl.DataFrame], least: int) -> Hidden:
    """Return the reasons to suppress in every query over the range.

    `days` has the days of absence of each person, and `contributions` the figures of each person in the queries of
    `OTHER_LEVELS`. A reason is hidden at a level if it has 1 to `least` - 1 people there, or if as few people are
    counted differently at an earlier level that shows it. The smallest other reasons are hidden too, so that no total
    gives a hidden reason.
    """
    values = {level: _values_of_days(days, level, column) for level, column in DAY_LEVELS.items()}
    values |= {
        level: _values_of_query(contributions[query], figure)
        for level, (query, figure) in OTHER_LEVELS.items()
    }
    labelled = label_days(days)
    hidden: dict[str, set[Reason]] = {}
    for level, counted_people in values.items():
        seeds = {key for keys in hidden.values() for key in keys if key[1] != TOTAL}
        for earlier, shown in hidden.items():
            differing = _differing(labelled, values, earlier, level, least)
            seeds |= differing - shown
        compared = [values[name] for name in DAY_LEVELS] if level in DAY_LEVELS else [counted_people]
        hidden[level] = _close_reasons([counted_people, *compared], seeds, least)
        hidden[level] |= {
            key for key, people in counted_people.items() if key[1] == TOTAL and len(people) < least
        }
    hidden["member_days"] |= _totals_of_few_others(values, least)
    return Hidden(hidden, values)


def _totals_of_few_others(values: Mapping[str, Values], least: int) -> set[Reason]:
    """Return the total number of people of each organization with a reason that differs by 1 to `least` - 1 people."""
    totals = {key: people for key, people in values["member_days"].items() if key[1] == TOTAL}
    counted = [(key, people) for level in values.values() for key, people in level.items() if key[1] != TOTAL]
    return {
        total
        for total, all_people in totals.items()
        for (organization, _), people in counted
        if organization == total[0] and 0 < len(all_people.keys() ^ people.keys()) < least
    }


def label_days(days: pl.DataFrame) -> pl.DataFrame:
    """Return `days` with the columns by which queries group them."""
    day = pl.col("date_on")
    return days.with_columns(
        month_on=day.dt.truncate("1mo"),
        year=day.dt.year().cast(pl.Int32),
        month=day.dt.month().cast(pl.Int32),
        weekday=day.dt.weekday().cast(pl.Int32),
    )


def _differing(
    days: pl.DataFrame, values: Mapping[str, Values], earlier: str, later: str, least: int
) -> set[Reason]:
    """Return the reasons and totals in which 1 to `least` - 1 people are counted differently at the two levels."""
    former, latter = values[earlier], values[later]
    keys = former.keys() & latter.keys()
    differing = {key: [len(former[key].keys() ^ latter[key].keys())] for key in keys}
    if {earlier, later} == {"spells", "member_spells"}:
        for key in keys:
            differing[key].append(
                sum(former[key].get(person) != value for person, value in latter[key].items())
            )
    if earlier in SHOWN_IN_PARTS and later in DAY_LEVELS:
        for part in _PARTS:
            for key, people in _left_out(days, DAY_LEVELS[earlier], DAY_LEVELS[later], part):
                differing.setdefault(key, []).append(people)
    return {key for key, counts in differing.items() if any(0 < count < least for count in counts)}


def _left_out(days: pl.DataFrame, earlier: str, later: str, part: str) -> list[tuple[Reason, int]]:
    """Return the number of people per reason with days that only `earlier` counts, in parts that `later` counts too.

    A query shows the parts of a reason at the earlier level. An attacker subtracts those parts from the later figure.
    """
    cells = ["organization_id", *({part} if part == "date_on" else {"reason", part})]
    counted = days.filter(pl.col(later)).select(pl.struct(cells).alias("cell")).unique()
    left = (
        days.filter(pl.col(earlier) & ~pl.col(later))
        .with_columns(cell=pl.struct(cells))
        .join(counted, on="cell", how="semi")
    )
    counted_people = left.group_by("organization_id", pl.lit(TOTAL).alias("reason")).agg(
        pl.col("person").n_unique()
    )
    if part != "date_on":
        per_reason = left.group_by("organization_id", "reason").agg(pl.col("person").n_unique())
        counted_people = pl.concat([counted_people, per_reason])
    return [((organization, reason), people) for organization, reason, people in counted_people.iter_rows()]


def count_differing(former: Mapping[int, float], latter: Mapping[int, float]) -> int:
    """Return the number of people whose values differ."""
    return sum(former.get(person) != latter.get(person) for person in former.keys() | latter.keys())


def _values_of_days(days: pl.DataFrame, level: str, column: str) -> Values:
    counted = days.filter(pl.col(column))
    keys = ["organization_id", "person"]
    per_reason = counted.group_by("organization_id", "reason", "person").agg(value=pl.len())
    in_total = counted.filter(pl.col("reason") != "public_holiday") if level == "member_days" else counted
    total = in_total.group_by(keys).agg(value=pl.len()).with_columns(reason=pl.lit(TOTAL))
    return _values(pl.concat([per_reason, total.select(per_reason.columns)]))


def _values_of_query(people: pl.DataFrame, figure: str) -> Values:
    return _values(people.filter(pl.col(figure) != 0).rename({figure: "value"}))


def _values(rows: pl.DataFrame) -> Values:
    counted_people: defaultdict[Reason, dict[int, float]] = defaultdict(dict)
    for organization, reason, person, value in rows.select(
        "organization_id", "reason", "person", "value"
    ).iter_rows():
        counted_people[organization, reason][person] = value
    return dict(counted_people)


def _close_reasons(levels: list[Values], seeds: set[Reason], least: int) -> set[Reason]:
    """Return the reasons to hide at the first of `levels`; the people at the others must not be few either."""
    keys = sorted(set().union(*levels))
    sets: defaultdict[int, list[int]] = defaultdict(list)
    for row, (organization, reason) in enumerate(keys):
        if reason != TOTAL:
            sets[organization].append(row)
    groups = [
        Groups(
            {row: len(values[key]) for row, key in enumerate(keys) if key in values},
            {row: frozenset(list(values[key])[:least]) for row, key in enumerate(keys) if key in values},
        )
        for values in levels
    ]
    closed = close_groups(
        list(sets.values()), groups, {row for row, key in enumerate(keys) if key in seeds}, least
    )
    return seeds | {keys[row] for row in closed}
