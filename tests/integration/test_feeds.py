"""The calendar feeds: one iCalendar file for each organization and team, without reasons, complete and safe."""

import json
import re
import tracemalloc
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest
import vobject

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from flows.privacy.erasure import erase_user
from flows.settings import load_settings
from tests.support.program import run_ooo
from tests.support.readings import Absence, Membership, Team, TeamReading
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all
from warehouse import connection as connection_module
from warehouse.publish import feeds
from warehouse.publish.feeds import FeedDetail, FeedPolicy, name_feed

AWAY = FeedPolicy(FeedDetail.AWAY)
FIRST = date(2026, 1, 5)
"""A Monday, and the publication is on 1 January."""

ABSENCES = (
    Absence(1, 1, FIRST, FIRST + timedelta(days=4), reason="sick", notes="secret"),
    Absence(2, 2, FIRST, FIRST, reason="vacation", cover=1),
    Absence(3, 2, FIRST, FIRST, reason="public_holiday"),
    Absence(4, 3, date(2025, 11, 1), date(2025, 12, 1), reason="vacation"),
    Absence(5, 3, date(2025, 11, 1), date(2025, 12, 2), reason="vacation"),
    Absence(6, 3, date(2027, 1, 2), date(2027, 1, 2), reason="vacation"),
    Absence(7, 3, date(2027, 1, 3), date(2027, 1, 3), reason="vacation"),
    Absence(8, 1, FIRST, date(9999, 12, 31), reason="custom"),
)
HOSTILE = "../../etc/passwd\r\nATTENDEE:x; ünïcode, \\ 🌴"
TEAMS = TeamReading(
    teams=(Team(11, HOSTILE), Team(12, "Sales"), Team(13, "Sales"), Team(14, "デザイン")),
    memberships=tuple(
        Membership(team_id * 10 + user_id, team_id, user_id)
        for team_id, user_ids in {11: (1, 2), 12: (2, 3), 13: (3,), 14: ()}.items()
        for user_id in user_ids
    ),
    list_verdict="complete",
    verdicts=dict.fromkeys((11, 12, 13, 14), "complete"),
)


def publish(folder: Path, *nights: tuple[Absence, ...], feeds: FeedPolicy = AWAY) -> Path:
    """Load and publish the nights, and return the folder of the feeds."""
    with new_warehouse() as connection:
        for number, absences in enumerate(nights, start=1):
            load(connection, read_all(absences, at=night(number), teams=TEAMS))
            audit_and_publish(connection, folder, run_id=f"run-{number}", feeds=feeds)
    return folder / "exports" / "calendars"


def events_of(path: Path) -> dict[str, Any]:
    """Return the events of a feed by the id of their entry."""
    calendar = icalendar.Calendar.from_ical(path.read_bytes())
    assert not calendar.errors
    return {str(event["UID"]).split("@")[0].rpartition("-")[2]: event for event in calendar.walk("VEVENT")}


def test_an_event_is_a_whole_day_event_with_the_name_and_without_the_reason(tmp_path: Path) -> None:
    folder = publish(tmp_path, ABSENCES)
    events = events_of(folder / "everyone-7.ics")
    assert sorted(events) == [
        "1",
        "2",
        "5",
        "6",
        "8",
    ]  # from 30 days back to 366 days ahead, no public holidays
    event = events["1"]
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (FIRST, FIRST + timedelta(days=5))
    assert event["SUMMARY"] == "Person 1 away"
    assert event["TRANSP"] == "TRANSPARENT"
    assert event["DTSTAMP"].dt.replace(tzinfo=None) == night(1)
    assert events["8"]["DTEND"].dt == date(2100, 1, 1)
    text = (folder / "everyone-7.ics").read_text(encoding="utf-8")
    for secret in ("sick", "Sick", "secret", "vacation", "example.com"):
        assert secret not in text


def test_a_second_parser_reads_the_same_events_from_every_feed(tmp_path: Path) -> None:
    for path in publish(tmp_path, ABSENCES).iterdir():
        calendar = vobject.readOne(path.read_text(encoding="utf-8"))
        expected = events_of(path)
        events = getattr(calendar, "vevent_list", [])
        assert len(events) == len(expected)
        for event in events:
            other = expected[event.uid.value.split("@")[0].rpartition("-")[2]]
            assert event.summary.value == str(other["SUMMARY"])
            assert (event.dtstart.value, event.dtend.value) == (other["DTSTART"].dt, other["DTEND"].dt)
            assert not isinstance(event.dtstart.value, datetime)


def test_the_reason_is_shown_only_if_the_setting_allows_it(tmp_path: Path) -> None:
    folder = publish(tmp_path, ABSENCES, feeds=FeedPolicy(FeedDetail.REASONS))
    assert events_of(folder / "everyone-7.ics")["1"]["SUMMARY"] == "Person 1: Sick leave"


def test_hostile_and_equal_names_of_teams_give_safe_and_different_files(tmp_path: Path) -> None:
    folder = publish(tmp_path, ABSENCES)
    names = ["etc-passwd-attendee-x-unicode-7-11.ics", "everyone-7.ics", "sales-7-12.ics", "sales-7-13.ics"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert name_feed(7, 14, "デザイン") == "team-7-14.ics"
    assert len(name_feed(7, 15, "x" * 1000)) < 60
    calendar = icalendar.Calendar.from_ical((folder / names[0]).read_bytes())
    title = re.sub(
        r"\\(.)", r"\1", str(calendar["X-WR-CALNAME"])
    )  # the library does not know the type of an X- property
    assert title == f"{HOSTILE.replace(chr(13), ' ').replace(chr(10), ' ')}: absences"
    assert "ATTENDEE" not in calendar
    assert max(len(line) for line in (folder / names[0]).read_bytes().split(b"\r\n")) <= 75


def test_a_team_has_the_absences_of_its_members_alone(tmp_path: Path) -> None:
    folder = publish(tmp_path, ABSENCES)
    assert sorted(events_of(folder / "sales-7-12.ics")) == ["2", "5", "6"]
    assert sorted(events_of(folder / "sales-7-13.ics")) == ["5", "6"]


def test_an_event_keeps_its_uid_when_it_moves_and_goes_when_it_is_deleted(tmp_path: Path) -> None:
    moved = Absence(2, 2, FIRST, FIRST + timedelta(days=1), reason="vacation", cover=1)
    publish(tmp_path / "before", ABSENCES)
    folder = publish(tmp_path, ABSENCES, (moved, *ABSENCES[3:]))
    before = events_of(tmp_path / "before" / "exports" / "calendars" / "everyone-7.ics")["2"]
    events = events_of(folder / "everyone-7.ics")
    assert sorted(events) == ["2", "5", "6", "8"]
    assert events["2"]["UID"] == before["UID"]
    assert (before["SEQUENCE"], events["2"]["SEQUENCE"]) == (0, 1)
    assert events["2"]["DTEND"].dt == FIRST + timedelta(days=2)
    assert events["2"]["DTSTAMP"].dt.replace(tzinfo=None) == night(2)


def test_feeds_are_files_of_their_generation_and_are_removed_when_they_are_switched_off(
    tmp_path: Path,
) -> None:
    with new_warehouse() as connection:
        load(connection, read_all(ABSENCES, at=night(1), teams=TEAMS))
        audit_and_publish(connection, tmp_path, feeds=AWAY)
        exports = tmp_path / "exports"
        manifest = json.loads((exports / "generations" / "run-1" / "manifest.json").read_text())
        files = [facts["file"] for facts in manifest["calendars"]]
        assert files == sorted(f"calendars/{path.name}" for path in (exports / "calendars").iterdir())
        for facts in manifest["calendars"]:
            content = (exports / "generations" / "run-1" / facts["file"]).read_bytes()
            assert content == (exports / facts["file"]).read_bytes()
            assert len(content) == facts["bytes"]
        audit_and_publish(connection, tmp_path, run_id="run-2", feeds=FeedPolicy(FeedDetail.OFF))
        assert not (exports / "calendars").exists()


def test_files_of_another_program_in_the_folder_of_feeds_stay(tmp_path: Path) -> None:
    (tmp_path / "exports" / "calendars" / "own").mkdir(parents=True)
    folder = publish(tmp_path, ABSENCES, ABSENCES, feeds=FeedPolicy(FeedDetail.OFF))
    assert [path.name for path in folder.iterdir()] == ["own"]


def test_a_group_that_is_too_small_has_no_feed(tmp_path: Path) -> None:
    folder = publish(tmp_path, ABSENCES, feeds=FeedPolicy(FeedDetail.AWAY, min_group_size=2))
    assert "sales-7-13.ics" not in {path.name for path in folder.iterdir()}
    assert "sales-7-12.ics" in {path.name for path in folder.iterdir()}


def test_a_group_that_is_too_large_for_calendar_programs_has_no_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MOST_PEOPLE", 2)
    folder = publish(tmp_path, ABSENCES)
    names = {path.name for path in folder.iterdir()}
    assert "everyone-7.ics" not in names
    assert {"sales-7-12.ics", "sales-7-13.ics"} < names
    assert sorted(events_of(folder / "sales-7-12.ics")) == ["2", "5", "6"]


def test_the_memory_of_the_feeds_does_not_grow_with_the_number_of_absences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "ROWS_AT_ONCE", 500)

    def peak_of(people: int) -> int:
        absences = tuple(
            Absence(number, 1 + number % people, day, day)
            for number in range(1, people * 100)
            if (day := FIRST + timedelta(days=number % 300))
        )
        with new_warehouse() as connection:
            load(connection, read_all(absences, at=night(1)))
            audit_and_publish(connection, tmp_path / f"{people}", feeds=FeedPolicy(FeedDetail.OFF))
            connection.execute(f"ATTACH '{tmp_path / str(people) / 'ooo.duckdb'}' AS ooo (READ_ONLY)")
            tracemalloc.start()
            try:
                feeds.write_feeds(connection, tmp_path / f"feeds-{people}", AWAY, FIRST)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    peak_of(people=1)  # loads the library
    assert peak_of(people=80) < 1.5 * peak_of(people=40)


def test_an_object_store_has_the_feeds_of_the_newest_publication_alone(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with new_warehouse() as connection:
        load(connection, read_all(ABSENCES, at=night(1), teams=TEAMS))
        audit_and_publish(connection, tmp_path, feeds=AWAY, url=store.as_uri())
        stored = {path.name: path.read_bytes() for path in (store / "calendars").iterdir()}
        local = {path.name: path.read_bytes() for path in (tmp_path / "exports" / "calendars").iterdir()}
        assert stored == local
        off = FeedPolicy(FeedDetail.OFF)
        audit_and_publish(connection, tmp_path, run_id="run-2", url=store.as_uri(), feeds=off)
    assert list((store / "calendars").glob("*")) == []


@pytest.mark.slow
def test_a_sync_writes_feeds_by_default_and_an_erasure_removes_the_person_from_them(tmp_path: Path) -> None:
    world = World.generate(people=6, seed=3)
    today = datetime.now().date()  # noqa: DTZ005 - a day beside today is as good
    user_id, other_id = sorted({record["userId"] for record in world.entries()})[:2]
    for person in (user_id, other_id):
        world.add_entry(person, today, today + timedelta(days=3), reason="sick")
    with serve(Simulator(world, limits=None)) as server:
        settings = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY, "OOO_TEAMS": "true"}
        done = run_ooo("sync", "--quiet", cwd=tmp_path, **settings)
        assert done.returncode == 0, done.stderr
        calendars = tmp_path / "data" / "exports" / "calendars"
        feed = calendars / "everyone-1.ics"
        names = {str(event["SUMMARY"]) for event in events_of(feed).values()}
        assert len(list(calendars.iterdir())) > 1
        assert all(name.endswith(" away") for name in names)
        before = len(events_of(feed))
        erase_user(load_settings(_env_file=None, OOO_DATA_DIR=tmp_path / "data", **settings), user_id)
        assert len(events_of(feed)) < before
        files = list((tmp_path / "data" / "exports").rglob("everyone-1.ics"))
        assert len({path.read_bytes() for path in files}) == 1
        done = run_ooo(
            *("sync", "--quiet"),
            cwd=tmp_path,
            OOO_PSEUDONYMISE="true",
            OOO_PSEUDONYM_KEY="k" * 40,
            **settings,
        )
        assert done.returncode == 0, done.stderr
        assert not list((tmp_path / "data" / "exports").rglob("*.ics"))
