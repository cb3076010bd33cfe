"""Specify as tables the rules of the measures, each with a minimal example."""

from datetime import date
from pathlib import Path

import duckdb

from tests.support.readings import Absence, Calendar, Policy
from tests.support.tables import draw, parse
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all, rows_of

NO_TUESDAYS = Policy({"no-tuesdays": Calendar(weekdays=frozenset({1, 3, 4, 5}))}, default="no-tuesdays")


def check(
    folder: Path,
    measure: str,
    expected: str,
    *nights: str,
    users: tuple[tuple[int, ...], ...] = ((1, 2, 3),),
    policy: Policy | None = None,
) -> None:
    """Load each of the drawn `nights`, from 1 January 2026, and compare `measure` over 2026 with `expected`.

    `users` are the users of each night; the last ones count for the later nights too. 5 January is a Monday.
    """
    with new_warehouse() as connection:
        for number, drawing in enumerate(nights, start=1):
            absences = tuple(map(_absence, parse(drawing)))
            user_ids = users[min(number, len(users)) - 1]
            load(connection, read_all(absences, at=night(number), users=user_ids, policy=policy or Policy()))
        database = audit_and_publish(connection, folder).database
    with duckdb.connect(database, read_only=True) as published:
        actual = rows_of(published, f"FROM {measure}('2026-01-01', '2026-12-31')")
    rows = parse(expected)
    assert draw(actual, list(rows[0])) == rows


def _absence(row: dict[str, str | None]) -> Absence:
    first, last = (date.fromisoformat(f"2026-{row[name]}") for name in ("from", "to"))
    cover = row.get("cover")
    return Absence(
        entry_id=int(row["entry"] or 0),
        user_id=int(row.get("user") or 1),
        first=first,
        last=last,
        reason=row.get("reason") or "sick",
        cover=int(cover) if cover else None,
    )


SPELLS = """
| entry | user | from  | to    | reason   |
| 1     | 1    | 01-05 | 01-06 | sick     |
| 2     | 1    | 01-06 | 01-09 | sick     |
| 3     | 1    | 01-12 | 01-12 | sick     |
| 4     | 1    | 01-14 | 01-14 | sick     |
| 5     | 1    | 01-13 | 01-13 | vacation |
| 6     | 2    | 01-17 | 01-18 | sick     |
| 7     | 2    | 01-19 | 01-19 | sick     |
| 8     | 2    | 01-24 | 01-25 | sick     |
"""


def test_a_spell_continues_over_overlaps_and_days_off_but_not_over_a_working_day(tmp_path: Path) -> None:
    spells = """
    | user_id | reason   | starts_on  | ends_on    | calendar_days | working_days | entries |
    | 1       | sick     | 2026-01-05 | 2026-01-12 | 8             | 6            | 3       |
    | 1       | sick     | 2026-01-14 | 2026-01-14 | 1             | 1            | 1       |
    | 1       | vacation | 2026-01-13 | 2026-01-13 | 1             | 1            | 1       |
    | 2       | sick     | 2026-01-17 | 2026-01-19 | 3             | 1            | 2       |
    | 2       | sick     | 2026-01-24 | 2026-01-25 | 2             | 0            | 1       |
    """
    check(tmp_path, "absence_spells", spells, SPELLS)


LONG_SPELL = """
| entry | user | from  | to    | reason |
| 1     | 1    | 01-05 | 01-30 | sick   |
| 2     | 1    | 01-06 | 01-06 | sick   |
| 3     | 1    | 01-20 | 01-20 | sick   |
| 4     | 1    | 02-02 | 02-02 | sick   |
"""


def test_a_spell_continues_to_the_latest_day_of_all_its_entries_not_only_of_the_last_one(
    tmp_path: Path,
) -> None:
    spells = """
    | starts_on  | ends_on    | calendar_days | working_days | entries |
    | 2026-01-05 | 2026-02-02 | 29            | 21           | 4       |
    """
    check(tmp_path, "absence_spells", spells, LONG_SPELL)


TIES = """
| entry | user | from  | to    | reason   |
| 1     | 1    | 01-13 | 01-14 | sick     |
| 2     | 1    | 01-06 | 01-07 | vacation |
| 3     | 1    | 01-20 | 01-21 | vacation |
| 4     | 2    | 01-09 | 01-12 | sick     |
| 5     | 2    | 02-06 | 02-06 | sick     |
| 6     | 2    | 02-09 | 02-09 | sick     |
| 7     | 3    | 01-06 | 01-07 | vacation |
| 8     | 3    | 01-09 | 01-09 | vacation |
| 9     | 3    | 02-10 | 02-12 | vacation |
| 10    | 1    | 02-06 | 02-06 | vacation |
| 11    | 1    | 02-09 | 02-09 | vacation |
| 12    | 4    | 02-10 | 02-12 | vacation |
"""


def test_of_equally_long_absences_the_earliest_counts_and_people_follow_by_id(tmp_path: Path) -> None:
    longest = """
    | user_id | longest_days | longest_from_on | longest_to_on | unbroken_days | unbroken_from_on | unbroken_to_on |
    | 2       | 4            | 2026-01-09      | 2026-01-12    | 4             | 2026-01-09       | 2026-01-12     |
    | 1       | 2            | 2026-01-06      | 2026-01-07    | 4             | 2026-02-06       | 2026-02-09     |
    | 3       | 3            | 2026-02-10      | 2026-02-12    | 3             | 2026-02-10       | 2026-02-12     |
    | 4       | 3            | 2026-02-10      | 2026-02-12    | 3             | 2026-02-10       | 2026-02-12     |
    """
    check(tmp_path, "longest_absence", longest, TIES, users=((1, 2, 3, 4),))


def test_the_days_off_within_a_spell_are_those_of_the_work_calendar_of_the_person(tmp_path: Path) -> None:
    spells = """
    | user_id | reason   | starts_on  | ends_on    | calendar_days | working_days | entries |
    | 1       | sick     | 2026-01-05 | 2026-01-14 | 10            | 6            | 4       |
    | 1       | vacation | 2026-01-13 | 2026-01-13 | 1             | 0            | 1       |
    | 2       | sick     | 2026-01-17 | 2026-01-19 | 3             | 1            | 2       |
    | 2       | sick     | 2026-01-24 | 2026-01-25 | 2             | 0            | 1       |
    """
    check(tmp_path, "absence_spells", spells, SPELLS, policy=NO_TUESDAYS)


def test_the_median_of_an_even_number_of_spells_is_the_mean_of_the_two_middle_ones(tmp_path: Path) -> None:
    durations = """
    | reason   | spells | average_calendar_days | median_calendar_days | median_working_days |
    | sick     | 4      | 3.5                   | 2.5                  | 1.0                 |
    | vacation | 1      | 1.0                   | 1.0                  | 1.0                 |
    """
    check(tmp_path, "spell_duration", durations, SPELLS)


def test_the_bradford_factor_counts_only_spells_with_a_working_day(tmp_path: Path) -> None:
    factors = """
    | user_id | sick_spells | sick_working_days | bradford_factor |
    | 1       | 2           | 7                 | 28              |
    | 2       | 1           | 1                 | 1               |
    """
    check(tmp_path, "bradford_factor", factors, SPELLS)


def test_the_bradford_factor_counts_each_day_with_a_sick_entry_and_other_measures_count_a_day_once(
    tmp_path: Path,
) -> None:
    holiday_in_a_sickness = """
    | entry | user | from  | to    | reason         |
    | 1     | 1    | 01-05 | 01-07 | sick           |
    | 2     | 1    | 01-06 | 01-06 | public_holiday |
    | 3     | 2    | 01-06 | 01-06 | sick           |
    | 4     | 2    | 01-06 | 01-06 | public_holiday |
    """
    factors = """
    | user_id | sick_spells | sick_working_days | bradford_factor |
    | 1       | 1           | 3                 | 3               |
    | 2       | 1           | 1                 | 1               |
    """
    reasons = """
    | reason         | absence_working_days | people |
    | public_holiday | 2                    | 2      |
    | sick           | 2                    | 1      |
    """
    check(tmp_path / "factors", "bradford_factor", factors, holiday_in_a_sickness)
    check(tmp_path / "reasons", "absence_by_reason", reasons, holiday_in_a_sickness)


def test_the_longest_absence_is_counted_with_and_without_days_off_in_between(tmp_path: Path) -> None:
    longest = """
    | user_id | longest_days | longest_from_on | unbroken_days | unbroken_to_on | unbroken_working_days |
    | 1       | 5            | 2026-01-05      | 10            | 2026-01-14     | 8                     |
    | 2       | 3            | 2026-01-17      | 3             | 2026-01-19     | 1                     |
    """
    check(tmp_path, "longest_absence", longest, SPELLS)


def test_a_chain_of_covers_ends_with_a_present_cover_no_cover_a_departed_cover_or_a_cycle(
    tmp_path: Path,
) -> None:
    absences = """
    | entry | user | from  | to    | cover |
    | 1     | 1    | 01-05 | 01-08 | 2     |
    | 2     | 2    | 01-05 | 01-05 | 3     |
    | 3     | 2    | 01-06 | 01-06 |       |
    | 4     | 2    | 01-07 | 01-07 | 99    |
    | 5     | 2    | 01-08 | 01-08 | 1     |
    """
    chains = """
    | date_on    | user_id | chain     | absent_covers | outcome | present_user_id |
    | 2026-01-05 | 1       | 1 > 2 > 3 | 1             | present | 3               |
    | 2026-01-06 | 1       | 1 > 2     | 1             | nobody  |                 |
    | 2026-01-07 | 1       | 1 > 2 > 99 | 1           | gone    |                 |
    | 2026-01-08 | 1       | 1 > 2 > 1 | 1             | cycle   |                 |
    | 2026-01-08 | 2       | 2 > 1 > 2 | 1             | cycle   |                 |
    """
    check(tmp_path, "cover_chains", chains, absences)


FIRST_NIGHT = """
| entry | user | from  | to    | reason   |
| 1     | 1    | 02-02 | 02-06 | vacation |
| 2     | 2    | 01-01 | 01-09 | vacation |
| 3     | 3    | 01-01 | 01-01 | vacation |
"""
SECOND_NIGHT = """
| entry | user | from  | to    | reason   |
| 1     | 1    | 02-02 | 02-03 | vacation |
| 4     | 2    | 01-12 | 01-12 | vacation |
| 5     | 3    | 01-01 | 01-01 | sick     |
"""


def test_the_lead_is_known_only_for_entries_that_appear_after_a_complete_snapshot(tmp_path: Path) -> None:
    leads = """
    | reason   | entries | known_entries | share_known | average_lead_days | late_entries |
    | sick     | 1       | 1             | 1.0         | -1.0              | 1            |
    | vacation | 2       | 1             | 0.5         | 10.0              | 0            |
    """
    check(tmp_path, "lead_time", leads, FIRST_NIGHT, SECOND_NIGHT)


def test_leave_is_cancelled_from_the_day_on_which_it_is_proved_gone_unless_it_was_over(
    tmp_path: Path,
) -> None:
    cancelled = """
    | reason   | cancelled_entries | cancelled_while_running | cancelled_days | cancelled_working_days |
    | vacation | 1                 | 1                       | 8              | 6                      |
    """
    check(tmp_path, "cancelled_leave", cancelled, FIRST_NIGHT, SECOND_NIGHT)


def test_a_shortened_entry_counts_as_shortened_only(tmp_path: Path) -> None:
    changed = """
    | reason   | entries | shortened_entries | extended_entries | moved_entries | share_changed | added_days |
    | sick     | 1       | 0                 | 0                | 0             | 0.0           | 0          |
    | vacation | 2       | 1                 | 0                | 0             | 0.5           | -3         |
    """
    check(tmp_path, "changed_leave", changed, FIRST_NIGHT, SECOND_NIGHT)


BEFORE_A_LEAVER = """
| entry | user | from  | to    | reason   | cover |
| 1     | 1    | 02-02 | 02-03 | vacation | 2     |
| 2     | 3    | 02-02 | 02-03 | vacation |       |
| 3     | 2    | 01-02 | 01-05 | vacation |       |
"""
AFTER_A_LEAVER = """
| entry | user | from  | to    | reason   | cover |
| 1     | 1    | 02-02 | 02-03 | vacation | 2     |
| 4     | 4    | 03-02 | 03-02 | vacation |       |
| 5     | 2    | 01-02 | 01-02 | vacation |       |
| 6     | 2    | 02-02 | 02-02 | vacation | 3     |
"""
WITHOUT_THREE = ((1, 2, 3), (1, 2, 4))


def test_a_departure_cancels_no_leave_and_leave_that_is_gone_on_its_first_day_is_not_running_yet(
    tmp_path: Path,
) -> None:
    cancelled = """
    | reason   | cancelled_entries | cancelled_before_start | cancelled_days | people |
    | vacation | 1                 | 1                      | 4              | 1      |
    """
    check(tmp_path, "cancelled_leave", cancelled, BEFORE_A_LEAVER, AFTER_A_LEAVER, users=WITHOUT_THREE)


BEFORE_A_DEPARTURE = """
| entry | user | from  | to    | reason   | cover |
| 1     | 3    | 01-01 | 01-05 | sick     |       |
| 2     | 1    | 01-01 | 01-04 | vacation | 3     |
| 3     | 2    | 01-01 | 01-04 | travel   |       |
"""
NO_ENTRIES = """
| entry | user | from  | to    | reason   | cover |
"""


def test_days_up_to_a_departure_stay_counted_for_the_person_and_for_covered_entries(tmp_path: Path) -> None:
    absence = """
    | reason   | absence_days | people |
    | sick     | 2            | 1      |
    | vacation | 2            | 1      |
    """
    users = ((1, 2, 3), (1, 2))
    check(tmp_path, "absence_by_reason", absence, BEFORE_A_DEPARTURE, NO_ENTRIES, users=users)
    (tmp_path / "cancelled").mkdir()
    cancelled = """
    | reason | cancelled_entries | cancelled_days |
    | travel | 1                 | 3              |
    """
    check(tmp_path / "cancelled", "cancelled_leave", cancelled, BEFORE_A_DEPARTURE, NO_ENTRIES, users=users)


def test_the_lead_of_a_new_person_is_unknown_and_an_entry_on_its_first_day_is_not_late(
    tmp_path: Path,
) -> None:
    leads = """
    | reason   | entries | known_entries | average_lead_days | late_entries |
    | vacation | 4       | 2             | 15.5              | 0            |
    """
    check(tmp_path, "lead_time", leads, BEFORE_A_LEAVER, AFTER_A_LEAVER, users=WITHOUT_THREE)


def test_a_cover_who_has_left_ends_the_chain_and_does_not_count_as_present(tmp_path: Path) -> None:
    chains = """
    | date_on    | user_id | chain     | outcome |
    | 2026-02-02 | 1       | 1 > 2 > 3 | gone    |
    """
    check(tmp_path, "cover_chains", chains, BEFORE_A_LEAVER, AFTER_A_LEAVER, users=WITHOUT_THREE)
    (tmp_path / "rate").mkdir()
    rates = """
    | reason   | absence_working_days | named_days | present_days | share_present |
    | vacation | 5                    | 3          | 1            | 0.2           |
    """
    check(tmp_path / "rate", "coverage_rate", rates, BEFORE_A_LEAVER, AFTER_A_LEAVER, users=WITHOUT_THREE)
