"""Write the calendar feeds of a generation: one iCalendar file for each organization and for each team.

Calendar programs subscribe to a feed. It has one event per absence, without its reason unless the policy says so.
The package icalendar escapes and folds the texts; its events are not used, because each costs a quarter millisecond.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import duckdb

from warehouse.connection import iterate_statement

DAYS_BACK = 30
DAYS_AHEAD = 366
LAST_DAY = date(2099, 12, 31)
MOST_PEOPLE = 1_000
"""The largest number of people in a feed. Calendar programs refuse files of some megabytes, or load them in part."""

MAX_BYTES = 75
"""The longest line of iCalendar, without its end."""
_EXTENSION = ".ics"


class FeedDetail(StrEnum):
    """What the events of a feed show."""

    OFF = "off"
    """There are no feeds."""
    AWAY = "away"
    """The name of the absent person."""
    REASONS = "reasons"
    """The name, and the reason in words."""


@dataclass(frozen=True)
class FeedPolicy:
    """The settings of the calendar feeds."""

    detail: FeedDetail = FeedDetail.AWAY
    min_group_size: int = 1
    """A feed with fewer people is not written."""


class _Event(NamedTuple):
    """One row of `select_feed_events`. Without an absence, its values are None."""

    organization_id: int
    team_id: int | None
    title: str
    entry_id: int | None
    name: str
    reason_label: str
    starts_on: date
    ends_on: date
    changed_at: datetime
    changes: int


def write_feeds(
    connection: duckdb.DuckDBPyConnection, folder: Path, policy: FeedPolicy, today: date
) -> list[str]:
    """Write the feeds of the database that is attached as `ooo` into `folder`, and return their names, ascending.

    The events are those from `DAYS_BACK` before `today` to `DAYS_AHEAD` after it. A few
    thousand events are in memory at a time.
    """
    parameters = {
        "from_on": today - timedelta(days=DAYS_BACK),
        "to_on": today + timedelta(days=DAYS_AHEAD),
        "last_on": LAST_DAY,
        "min_people": policy.min_group_size,
        "max_people": MOST_PEOPLE,
    }
    folder.mkdir()
    names = []
    rows = map(_Event._make, iterate_statement(connection, "publish/sql/select_feed_events", parameters))
    for (organization_id, team_id, title), events in groupby(rows, key=lambda event: event[:3]):
        name = name_feed(organization_id, team_id, title)
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            file.write(_begin_calendar(title))
            file.writelines(_render_event(event, policy.detail) for event in events if event.entry_id)
            file.write("END:VCALENDAR\r\n")
        names.append(name)
    return sorted(names)


def name_feed(organization_id: int, team_id: int | None, title: str) -> str:
    """Return the file name of a feed: `<name of the team>-<organization id>-<team id>.ics`, or `everyone-<id>.ics`.

    The name of the team is reduced to ASCII letters, digits and hyphens. The ids keep the names apart.
    """
    if team_id is None:
        return f"everyone-{organization_id}{_EXTENSION}"
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or "team"
    return f"{slug}-{organization_id}-{team_id}{_EXTENSION}"


def _begin_calendar(title: str) -> str:
    """Return the lines before the events. A calendar must have a component, so it has the time zone UTC."""
    return _lines(
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//calcom-ooo-warehouse//absences//EN",
        "METHOD:PUBLISH",
        _fold(f"X-WR-CALNAME:{_escape(f'{title}: absences')}"),
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        "X-PUBLISHED-TTL:PT6H",
        *("BEGIN:VTIMEZONE", "TZID:UTC", "BEGIN:STANDARD", "DTSTART:19700101T000000"),
        *("TZOFFSETFROM:+0000", "TZOFFSETTO:+0000", "END:STANDARD", "END:VTIMEZONE"),
    )


def _render_event(event: _Event, detail: FeedDetail) -> str:
    """Return the lines of an absence. Its end is exclusive, and it does not block the time of a subscriber."""
    shown = event.reason_label if detail is FeedDetail.REASONS else "away"
    separator = ": " if detail is FeedDetail.REASONS else " "
    return _lines(
        "BEGIN:VEVENT",
        f"UID:{event.organization_id}-{event.entry_id}@calcom-ooo-warehouse",
        f"DTSTAMP:{event.changed_at:%Y%m%dT%H%M%SZ}",
        f"SEQUENCE:{event.changes}",
        f"DTSTART;VALUE=DATE:{event.starts_on:%Y%m%d}",
        f"DTEND;VALUE=DATE:{event.ends_on + timedelta(days=1):%Y%m%d}",
        _fold(f"SUMMARY:{_escape(event.name)}{separator}{_escape(shown)}"),
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    )


def _lines(*lines: str) -> str:
    """Return the lines, each with the end that iCalendar requires."""
    return "".join(f"{line}\r\n" for line in lines)


@cache
def _escape(text: str) -> str:
    """Return `text` as a value of iCalendar; control characters, which no value may have, become spaces."""
    from icalendar import vText  # noqa: PLC0415 - a run without feeds does not load the package

    return vText(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text)).to_ical().decode()


def _fold(line: str) -> str:
    """Return the line; if it has more than 75 bytes, it is folded."""
    if len(line.encode()) <= MAX_BYTES:
        return line
    from icalendar.parser import Contentline  # noqa: PLC0415

    folded: bytes = Contentline(line).to_ical()  # type: ignore[no-untyped-call]
    return folded.decode()
