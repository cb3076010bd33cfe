"""The generated organization is realistic, equal for equal seeds, and changes like a database."""

from collections import Counter
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from calcom.simulator import World


@pytest.fixture(scope="module")
def world() -> World:
    """Return the default organization."""
    return World.generate()


@pytest.fixture(scope="module")
def entries(world: World) -> list[dict[str, Any]]:
    """Return the entries of the default organization."""
    return world.entries()


def test_equal_seeds_give_equal_worlds_and_different_seeds_different_ones(world: World) -> None:
    again, other = World.generate(), World.generate(seed=2)
    assert (again.users(), again.entries()) == (world.users(), world.entries())
    assert other.entries() != world.entries()


def test_the_people_have_every_kind_of_unusual_name_and_address(world: World) -> None:
    users = world.users()
    names = [user["name"] for user in users]
    emails = [user["email"] for user in users]
    assert len(users) == 250
    assert None in names
    assert any(name and "'" in name for name in names)
    assert any(name and not name.isascii() for name in names)
    assert any("+" in email for email in emails)
    assert any(email != email.lower() for email in emails)
    assert all(email.lower().endswith(".example") for email in emails)
    assert len(set(emails)) == len(users)
    assert len({user["timeZone"] for user in users}) > 10
    assert any(user["locale"] is None for user in users)


def test_the_entries_have_every_kind_of_unusual_value(entries: list[dict[str, Any]]) -> None:
    notes = [entry["notes"] for entry in entries]
    assert None in notes
    assert "" in notes
    assert any(note and "\r\n" in note for note in notes)
    assert any(note and "🎉" in note for note in notes)
    assert {entry.get("reason") for entry in entries} == {
        None, "unspecified", "vacation", "travel", "sick", "public_holiday",
    }  # fmt: skip
    assert any(not entry["start"].endswith("T00:00:00.000Z") for entry in entries)
    assert all(entry["start"] <= entry["end"] for entry in entries)
    assert len({entry["uuid"] for entry in entries}) == len(entries)
    assert entries[-1]["start"] > "2026" or any(entry["start"] > "2027" for entry in entries)


def test_ids_ascend_with_gaps_and_do_not_follow_the_starts(entries: list[dict[str, Any]]) -> None:
    ids = [entry["id"] for entry in entries]
    steps = {after - before for before, after in pairwise(ids)}
    assert min(steps) == 1
    assert max(steps) > 1
    starts = [entry["start"] for entry in entries]
    assert starts != sorted(starts)


def test_public_holidays_have_equal_starts_and_ends(entries: list[dict[str, Any]]) -> None:
    ties = Counter((entry["start"], entry["end"]) for entry in entries)
    assert max(ties.values()) > 100


def test_there_are_about_ten_entries_per_person_and_year_and_some_people_have_none(
    world: World, entries: list[dict[str, Any]]
) -> None:
    people = {user["id"] for user in world.users()}
    absent = {entry["userId"] for entry in entries}
    assert 8 <= len(entries) / (250 * 3) <= 12
    assert absent < people


def test_vacations_peak_in_summer_and_at_christmas_and_illnesses_in_winter(
    entries: list[dict[str, Any]],
) -> None:
    vacations = Counter(e["start"][5:7] for e in entries if e.get("reason") == "vacation")
    illnesses = Counter(e["start"][5:7] for e in entries if e.get("reason") == "sick")
    assert vacations["08"] > 2 * vacations["03"]
    assert vacations["12"] > vacations["11"]
    assert illnesses["01"] + illnesses["02"] > 3 * (illnesses["07"] + illnesses["08"])


def test_some_entries_overlap_and_some_covering_users_are_absent(entries: list[dict[str, Any]]) -> None:
    of_user: dict[int, list[dict[str, Any]]] = {}
    for entry in entries:
        of_user.setdefault(entry["userId"], []).append(entry)
    assert any(overlap(a, b) for own in of_user.values() for a, b in pairwise(sorted(own, key=days)))
    covered = [entry for entry in entries if entry["toUserId"] is not None]
    assert all(entry["toUserId"] != entry["userId"] for entry in covered)
    absences_of_covers = ((entry, other) for entry in covered for other in of_user.get(entry["toUserId"], ()))
    assert any(overlap(entry, other) for entry, other in absences_of_covers)


def days(entry: dict[str, Any]) -> tuple[str, str]:
    """Return the start and the end of the entry."""
    return entry["start"], entry["end"]


def overlap(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Return True if two entries overlap."""
    return bool(first["start"] <= second["end"] and second["start"] <= first["end"])


def test_the_number_of_years_and_the_last_day_are_arguments() -> None:
    entries = World.generate(people=40, years=1, until=date(2020, 6, 30)).entries()
    assert min(entry["start"] for entry in entries) > "2019-12-24"
    regular = [entry for entry in entries if entry["start"] < "2020-07"]
    assert len(regular) > 0.9 * len(entries)


def test_a_day_becomes_a_whole_utc_day_and_a_text_is_stored_unchanged() -> None:
    world = World.from_records([], [])
    user_id = world.add_user()
    world.add_entry(user_id, date(2026, 5, 4), date(2026, 5, 5), reason=7)
    world.add_entry(user_id, "2023-01-02T22:00:00.000Z", "2023-01-07T21:59:59.999Z", reason=None)
    first, second = world.entries()
    assert days(first) == ("2026-05-04T00:00:00.000Z", "2026-05-05T23:59:59.999Z")
    assert "reason" not in first
    assert second["reason"] == "unspecified"
    assert days(second) == ("2023-01-02T22:00:00.000Z", "2023-01-07T21:59:59.999Z")


def test_an_unknown_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown reason 'holiday'"):
        World.from_records([], []).add_entry(1, date(2026, 1, 1), date(2026, 1, 1), reason="holiday")


def test_an_update_keeps_the_id_the_uuid_and_the_user(small_world: World) -> None:
    before = small_world.entries()[3]
    small_world.update_entry(
        before["id"],
        start=date(2026, 1, 1),
        end=date(2026, 1, 2),
        reason="travel",
        notes="x",
        to_user_id=None,
    )
    after = small_world.entries()[3]
    assert (after["id"], after["uuid"], after["userId"]) == (
        before["id"],
        before["uuid"],
        before["userId"],
    )
    assert (after["reason"], after["notes"], after["start"][:10]) == ("travel", "x", "2026-01-01")


def test_the_rows_of_a_removed_user_are_hidden_until_the_user_is_restored(
    small_world: World,
) -> None:
    before, user_id = small_world.entries(), small_world.entries()[0]["userId"]
    small_world.remove_user(user_id)
    assert user_id not in {user["id"] for user in small_world.users()}
    assert small_world.entries() == [entry for entry in before if entry["userId"] != user_id]
    assert small_world.entries(user_id) == []
    small_world.restore_user(user_id)
    assert small_world.entries() == before


def test_deleting_a_user_deletes_the_rows_that_the_user_covers() -> None:
    world = World.from_records([], [])
    first, second = world.add_user(), world.add_user()
    day = date(2026, 1, 1)
    world.add_entry(first, day, day, to_user_id=second)
    kept = world.add_entry(first, day, day)
    world.add_entry(second, day, day)
    world.delete_user(second)
    assert [entry["id"] for entry in world.entries()] == [kept]
    assert world.add_user() == second + 1
    assert world.add_entry(first, day, day) == kept + 2


def test_changing_returned_records_does_not_change_the_world(small_world: World) -> None:
    small_world.users()[0]["profile"]["username"] = "changed"
    assert small_world.users()[0]["profile"]["username"] != "changed"
