"""A second warehouse in dicts and dates, slow and obvious: what the real one has to agree with.

It shares no code with the program: no frame, no SQL, and the rules written out once more.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tests.support.naive_teams import NaiveTeams, TeamReading

REASONS = {
    "public_holiday": "Public holiday",
    "sick": "Sick leave",
    "vacation": "Vacation",
    "travel": "Travel",
    "custom": "Custom reason",
    "unspecified": "Unspecified",
    "unknown": "Unknown to this version",
}
ORDER = {code: place for place, code in enumerate(REASONS)}
NAMED_BY_THE_SOURCE = {"public_holiday", "sick", "vacation", "travel", "unspecified"}
TEN_YEARS = 3_653
FOLLOWED = (date(1970, 1, 1), date(2099, 12, 31))
NEVER = datetime(1, 1, 1)  # noqa: DTZ001 - instants are UTC without a zone
POLICY = (
    "working days by each person's calendar, within dim_calendar_days; people who have not left,"
    " for the whole range; public holidays are no absence"
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Calendar:
    """A work calendar: ISO weekdays worked, and public holidays, which a country or a test decides."""

    weekdays: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    holidays: frozenset[date] = field(default=frozenset(), repr=False)
    country: str | None = None
    subdivision: str | None = None

    def is_working(self, day: date) -> bool:
        """True on a day of the work week that is no holiday."""
        return day.isoweekday() in self.weekdays and day not in self.holidays


@dataclass(frozen=True)
class Policy:
    """Whose calendar is which; people by id, or by address in small letters."""

    calendars: Mapping[str, Calendar] = field(default_factory=lambda: {"monday-to-friday": Calendar()})
    default: str = "monday-to-friday"
    people: Mapping[str | int, str] = field(default_factory=dict)
    members: Mapping[str | int, str] = field(default_factory=dict)

    def name_for(self, user_id: int, email: str | None) -> str:
        """The calendar of a person: their own by id, by address, then their group's, then the default."""
        address = (email or "").lower()
        for listed in (self.people, self.members):
            for key in (user_id, address):
                if key in listed:
                    return listed[key]
        return self.default


@dataclass(frozen=True)
class Absence:
    """An entry as the source sends it, on one page."""

    entry_id: int
    user_id: int
    first: date
    last: date
    reason: str | None = "vacation"
    cover: int | None = None
    notes: str | None = None
    page: int = 1


@dataclass(frozen=True)
class Reject:
    """A record that can't be read, of kind `entry` or `user`."""

    kind: str
    record_id: int | None
    user_id: int | None
    page: int = 1


@dataclass(frozen=True)
class Reading:
    """One snapshot: what was read, when, and the verdict of each scope, `(kind, user id or None)`."""

    organization_id: int
    at: datetime
    users: tuple[int, ...] = ()
    absences: tuple[Absence, ...] = ()
    rejects: tuple[Reject, ...] = ()
    verdicts: Mapping[tuple[str, int | None], str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    teams: TeamReading = field(default_factory=TeamReading)

    @property
    def run_id(self) -> str:
        """The id of the run that made it."""
        return f"{self.at:%Y%m%dT%H%M%S}-{self.organization_id}"

    @property
    def is_complete(self) -> bool:
        """True if every scope is."""
        return set(self.verdicts.values()) <= {"complete"}

    def proves(self, kind: str, user_id: int | None = None) -> bool:
        """True if that scope is complete."""
        return self.verdicts.get((kind, user_id)) == "complete"


def facts_of(absence: Absence) -> Row:
    """The columns that the source decides."""
    reason = absence.reason
    known = reason if reason in NAMED_BY_THE_SOURCE else "unknown"
    return {
        "entry_uuid": f"uuid-{absence.entry_id}",
        "user_id": absence.user_id,
        "covering_user_id": absence.cover,
        "starts_on": absence.first,
        "ends_on": absence.last,
        "calendar_days": max((absence.last - absence.first).days + 1, 0),
        "materialized_days": len(materialized_days(absence.first, absence.last)),
        "reason": "custom" if reason is None else known,
        "reason_raw": reason,
        "has_notes": bool(absence.notes),
        "starts_at_raw": datetime.combine(absence.first, datetime.min.time()),
        "ends_at_raw": datetime.combine(absence.last, datetime.max.time().replace(microsecond=999_000)),
        "is_day_aligned": True,
    }


def days_between(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def materialized_days(first: date, last: date) -> list[date]:
    """The days of an entry that count: ten years at most, and only of one that begins from 1970 to 2099."""
    if not FOLLOWED[0] <= first <= FOLLOWED[1]:
        return []
    most = min(TEN_YEARS, (last - first).days + 1, (FOLLOWED[1] - first).days + 1)
    return [first + timedelta(days=number) for number in range(most)]


class NaiveWarehouse:
    """What the warehouse holds after each reading; `tables` and the macros are read from it."""

    def __init__(self) -> None:
        """Start empty."""
        self.people: dict[tuple[int, int], Row] = {}
        self.entries: dict[tuple[int, int], Row] = {}
        self.notes: dict[tuple[int, int], str | None] = {}
        self.history: list[Row] = []
        self.latest: dict[int, datetime] = {}
        self.teams = NaiveTeams()
        self.first_complete: dict[int, datetime] = {}
        self.entries_as_of: dict[tuple[int, int], datetime] = {}
        self.policy = Policy()
        self.calendar: tuple[date, date] | None = None

    def read(self, reading: Reading) -> Row:
        """Apply `reading`; return how many entries were inserted, updated, unchanged and deleted."""
        self.latest[reading.organization_id] = reading.at
        self.teams.read(reading.organization_id, reading.at, reading.teams)
        self.policy = reading.policy
        if reading.is_complete:
            self.first_complete.setdefault(reading.organization_id, reading.at)
        staged: dict[int, Absence] = {}
        for absence in sorted(reading.absences, key=lambda one: one.page):
            staged[absence.entry_id] = absence
        unreadable = {
            one.record_id for one in reading.rejects if one.kind == "entry" and one.record_id not in staged
        }
        present = set(reading.users) | {one.user_id for one in reading.absences}
        present |= {one.user_id for one in reading.rejects}
        counts = {"inserted": 0, "updated": 0, "unchanged": 0, "deleted": 0}
        self._delete_vanished(reading, staged, unreadable, present, counts)
        for absence in staged.values():
            self._write_entry(reading, absence, counts)
        self._write_people(reading, staged, present)
        self._stretch_calendar(reading.at)
        return counts

    def _delete_vanished(
        self,
        reading: Reading,
        staged: dict[int, Absence],
        unreadable: set[int | None],
        present: set[int | None],
        counts: Row,
    ) -> None:
        for (organization_id, entry_id), entry in self.entries.items():
            is_live_here = organization_id == reading.organization_id and entry["deleted_at"] is None
            if not is_live_here or entry_id in staged or entry_id in unreadable:
                continue
            user_id = entry["user_id"]
            user_is_gone = reading.proves("users") and user_id not in present
            if reading.proves("organization") or reading.proves("user", user_id) or user_is_gone:
                entry["deleted_at"] = reading.at
                counts["deleted"] += 1
                self._add_version(reading, entry_id, entry, "vanished")

    def _write_entry(self, reading: Reading, absence: Absence, counts: Row) -> None:
        key = (reading.organization_id, absence.entry_id)
        facts = facts_of(absence)
        before = self.entries.get(key)
        first_seen_at = before["first_seen_at"] if before else reading.at
        self.entries[key] = {
            **facts,
            "first_seen_at": first_seen_at,
            "last_seen_at": reading.at,
            "deleted_at": None,
        }
        is_the_same = (
            before is not None
            and all(before[name] == value for name, value in facts.items())
            and self.notes[key] == absence.notes
        )
        self.notes[key] = absence.notes
        if before is None:
            counts["inserted"] += 1
            self._add_version(reading, absence.entry_id, facts, "appeared")
        elif before["deleted_at"] is not None:
            counts["updated"] += 1
            self._add_version(reading, absence.entry_id, facts, "returned")
        elif is_the_same:
            counts["unchanged"] += 1
        else:
            counts["updated"] += 1
            self._add_version(reading, absence.entry_id, facts, "changed")

    def _add_version(self, reading: Reading, entry_id: int, facts: Row, change: str) -> None:
        for version in self.history:
            same = (version["organization_id"], version["entry_id"]) == (reading.organization_id, entry_id)
            if same and version["valid_to"] is None:
                version["valid_to"] = reading.at
        seen = ("first_seen_at", "last_seen_at", "deleted_at")
        self.history.append(
            {
                "organization_id": reading.organization_id,
                "entry_id": entry_id,
                "valid_from": reading.at,
                "valid_to": None,
                "change": change,
                **{name: value for name, value in facts.items() if name not in seen},
            }
        )

    def _write_people(self, reading: Reading, staged: dict[int, Absence], present: set[int | None]) -> None:
        with_entries = {one.user_id for one in staged.values()}
        for user_id in (*reading.users, *with_entries):
            key = (reading.organization_id, user_id)
            person = self.people.setdefault(
                key, {"email": None, "name": None, "first_seen_at": reading.at, "last_seen_at": reading.at}
            )
            person["left_at"] = None
            if user_id in reading.users:
                contact = {"email": f"person-{user_id}@example.com", "name": f"Person {user_id % 3}"}
                person.update(contact, last_seen_at=reading.at)
        for (organization_id, user_id), person in self.people.items():
            if organization_id != reading.organization_id:
                continue
            if reading.proves("users") and user_id not in present and person["left_at"] is None:
                person["left_at"] = reading.at
            is_whole = reading.proves("organization") or reading.proves("user", user_id)
            if person["left_at"] is None and is_whole:
                self.entries_as_of[organization_id, user_id] = reading.at

    def _stretch_calendar(self, at: datetime) -> None:
        years = [at.year - 1, at.year + 1]
        for version in self.history:
            years += [day.year for day in materialized_days(version["starts_on"], version["ends_on"])]
        self.calendar = (date(min(years), 1, 1), date(max(years), 12, 31))

    def calendar_of(self, organization_id: int, user_id: int) -> tuple[str, Calendar]:
        """A person's work calendar, by today's policy, with its name."""
        person = self.people[organization_id, user_id]
        name = self.policy.name_for(user_id, person["email"])
        return name, self.policy.calendars[name]

    def working_days(self, organization_id: int, facts: Row) -> int:
        """How many of an entry's followed days are the person's working days."""
        calendar = self.calendar_of(organization_id, facts["user_id"])[1]
        return sum(map(calendar.is_working, materialized_days(facts["starts_on"], facts["ends_on"])))

    def settle(self) -> None:
        """Nothing more is read: what many measures ask for is worked out once."""
        for slow in ("absence_days", "calendar_days"):
            setattr(self, slow, functools.cache(getattr(self, slow)))

    def calendar_days(self) -> dict[tuple[str, date], Row]:
        """Each day of each work calendar."""
        found = {}
        for name, calendar in sorted(self.policy.calendars.items()):
            number = (
                sum(map(calendar.is_working, days_between(FOLLOWED[0], self.calendar[0])))
                if self.calendar
                else 0
            )
            for place, day in enumerate(days_between(*self.calendar) if self.calendar else []):
                number += place > 0 and calendar.is_working(day)
                found[name, day] = {"is_working_day": calendar.is_working(day), "working_day_number": number}
        return found

    def live(self) -> Iterable[tuple[int, int, Row]]:
        """(organization, entry id, entry) of what is not deleted."""
        for (organization_id, entry_id), entry in sorted(self.entries.items()):
            if entry["deleted_at"] is None:
                yield organization_id, entry_id, entry

    def entry_days(self) -> dict[tuple[int, int, date], Row]:
        """Each day of each live entry."""
        return {
            (organization_id, entry_id, day): {
                "user_id": entry["user_id"],
                "reason": entry["reason"],
                "is_working_day": calendar.is_working(day),
            }
            for organization_id, entry_id, entry in self.live()
            for calendar in [self.calendar_of(organization_id, entry["user_id"])[1]]
            for day in materialized_days(entry["starts_on"], entry["ends_on"])
        }

    def absence_days(self) -> dict[tuple[int, int, date], Row]:
        """Each day of each absent person, once."""
        entries_of: dict[tuple[int, int, date], list[tuple[int, int, Row]]] = defaultdict(list)
        for organization_id, entry_id, entry in self.live():
            for day in materialized_days(entry["starts_on"], entry["ends_on"]):
                ranked = (ORDER[entry["reason"]], entry_id, entry)
                entries_of[organization_id, entry["user_id"], day].append(ranked)
        found = {}
        for key, ranked in entries_of.items():
            ranked.sort(key=lambda one: one[:2])
            covers = [entry["covering_user_id"] for _, _, entry in ranked if entry["covering_user_id"]]
            cover = covers[0] if covers else None
            found[key] = {
                "reason": ranked[0][2]["reason"],
                "entry_count": len(ranked),
                "is_working_day": self.calendar_of(*key[:2])[1].is_working(key[2]),
                "covering_user_id": cover,
                "is_cover_absent": None if cover is None else (key[0], cover, key[2]) in entries_of,
            }
        return found

    def tables(self) -> dict[str, list[Row]]:
        """Every published table that a snapshot decides, ascending by key; people without their profile."""
        people = []
        for (organization_id, user_id), person in sorted(self.people.items()):
            latest = self.latest[organization_id]
            known_whole_at = self.entries_as_of.get((organization_id, user_id), NEVER)
            is_old = person["last_seen_at"] < latest or known_whole_at < latest
            stale = person["left_at"] is None and is_old
            people.append(
                {
                    "organization_id": organization_id,
                    "user_id": user_id,
                    **person,
                    "is_stale": stale,
                    "calendar": self.calendar_of(organization_id, user_id)[0],
                }
            )
        entries = [
            {
                "organization_id": organization_id,
                "entry_id": entry_id,
                **entry,
                "working_days": self.working_days(organization_id, entry),
                "is_stale": entry["deleted_at"] is None
                and entry["last_seen_at"] < self.latest[organization_id],
            }
            for (organization_id, entry_id), entry in sorted(self.entries.items())
        ]
        by_entry = ("organization_id", "entry_id", "date_on")
        by_person = ("organization_id", "user_id", "date_on")
        version_key = ("organization_id", "entry_id", "valid_from")
        return {
            "dim_people": people,
            **self.teams.tables(self.latest),
            "dim_dates": [{"date_on": day} for day in days_between(*self.calendar)] if self.calendar else [],
            "dim_calendar_days": [
                {"calendar": name, "date_on": day, **row} for (name, day), row in self.calendar_days().items()
            ],
            "fct_ooo_entries": entries,
            "fct_entry_days": _keyed(by_entry, self.entry_days()),
            "fct_absence_days": _keyed(by_person, self.absence_days()),
            "ooo_entry_history": [
                {**row, "working_days": self.working_days(row["organization_id"], row)}
                for row in sorted(self.history, key=lambda row: [row[name] for name in version_key])
            ],
        }

    def as_of(self, organization_id: int, at: datetime) -> dict[int, Row]:
        """The live entries that the history shows for the instant `at`."""
        return {
            version["entry_id"]: version
            for version in self.history
            if version["organization_id"] == organization_id
            and version["valid_from"] <= at
            and (version["valid_to"] is None or at < version["valid_to"])
            and version["change"] != "vanished"
        }

    def _in_range(self, first: date, last: date) -> list[tuple[int, int, date, Row]]:
        days = sorted(self.absence_days().items())
        return [(*key, row) for key, row in days if first <= key[2] <= last]

    def _headcount(self) -> dict[int, int]:
        staying: dict[int, int] = defaultdict(int)
        for (organization_id, _), person in sorted(self.people.items()):
            staying[organization_id] += person["left_at"] is None
        return {organization_id: people for organization_id, people in staying.items() if people}

    def absence_by_reason(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        groups = defaultdict(list)
        for organization_id, user_id, _, row in self._in_range(first, last):
            groups[organization_id, ORDER[row["reason"]], row["reason"]].append((user_id, row))
        return [
            (organization_id, reason, REASONS[reason], *_days_and_people(rows))
            for (organization_id, _, reason), rows in sorted(groups.items())
        ]

    def absence_by_month(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        groups = defaultdict(list)
        for organization_id, user_id, day, row in self._in_range(first, last):
            key = (organization_id, day.replace(day=1), ORDER[row["reason"]], row["reason"])
            groups[key].append((user_id, row))
        return [
            (organization_id, month, reason, *_days_and_people(rows))
            for (organization_id, month, _, reason), rows in sorted(groups.items())
        ]

    def absence_by_day(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        absent = self._in_range(first, last)
        found = []
        for organization_id in sorted({organization_id for organization_id, _ in self.people}):
            for day in days_between(first, last):
                rows = [row for org, _, on, row in absent if (org, on) == (organization_id, day)]
                sick = sum(row["reason"] == "sick" for row in rows)
                entries = sum(row["entry_count"] for row in rows)
                weekday = day.isoweekday()
                found.append((organization_id, day, weekday, weekday > 5, len(rows), sick, entries))
        return found

    def absence_by_person(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        groups = defaultdict(list)
        for organization_id, user_id, day, row in self._in_range(first, last):
            groups[organization_id, user_id].append((day, row))
        found = []
        for (organization_id, user_id), days in groups.items():
            person = self.people[organization_id, user_id]
            working = sum(row["is_working_day"] for _, row in days)
            sick = sum(row["reason"] == "sick" for _, row in days)
            span = (min(day for day, _ in days), max(day for day, _ in days))
            names = (person["name"], person["email"])
            found.append((organization_id, user_id, *names, len(days), working, sick, *span))
        return sorted(found, key=lambda row: (row[0], -row[4], row[1]))

    def who_is_out(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        found = []
        for organization_id, entry_id, entry in self.live():
            starts_on, ends_on = entry["starts_on"], entry["ends_on"]
            if starts_on <= ends_on and starts_on <= last and ends_on >= first:
                cover = entry["covering_user_id"]
                covering = self.people.get((organization_id, cover), {}).get("name")
                name = self.people[organization_id, entry["user_id"]]["name"]
                who = (organization_id, entry_id, entry["user_id"], name, starts_on, ends_on)
                found.append((*who, entry["reason"], cover, covering))
        return sorted(found, key=lambda row: (row[0], row[4], row[3] is None, row[3] or "", row[1]))

    def coverage_conflicts(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        days = self.absence_days()
        found = []
        for organization_id, user_id, day, row in self._in_range(first, last):
            if row["is_cover_absent"]:
                cover = row["covering_user_id"]
                name = self.people[organization_id, user_id]["name"]
                covering = self.people[organization_id, cover]["name"]
                reason = days[organization_id, cover, day]["reason"]
                who = (organization_id, day, user_id, name, row["reason"], cover, covering)
                found.append((*who, reason, row["is_working_day"]))
        return sorted(found, key=lambda row: row[:3])

    def absence_rate_by_person(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        found = []
        known = self.calendar or (last, first)
        within = days_between(max(first, known[0]), min(last, known[1]))
        for (organization_id, user_id), person in sorted(self.people.items()):
            if person["left_at"] is None:
                name, calendar = self.calendar_of(organization_id, user_id)
                lost = sum(
                    row["is_working_day"] and row["reason"] != "public_holiday"
                    for *who, _, row in self._in_range(first, last)
                    if who == [organization_id, user_id]
                )
                available = sum(map(calendar.is_working, within))
                rate = lost / available if available else None
                who = (organization_id, user_id, person["name"], person["email"], name)
                found.append((*who, lost, available, rate, POLICY))
        return sorted(found, key=lambda row: (row[0], row[7] is None, -(row[7] or 0), row[1]))

    def absence_rate(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        found = []
        for organization_id, people in self._headcount().items():
            own = [row for row in self.absence_rate_by_person(first, last) if row[0] == organization_id]
            lost, available = (sum(row[column] for row in own) for column in (5, 6))
            rate = lost / available if available else None
            found.append((organization_id, lost, available, rate, people, POLICY))
        return found

    def absence_rate_by_reason(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        found = []
        for organization_id, _, available, _, _, policy in self.absence_rate(first, last):
            lost: dict[str, list[int]] = defaultdict(list)
            for org, user_id, _, row in self._in_range(first, last):
                stays = self.people[org, user_id]["left_at"] is None
                if org == organization_id and stays and row["is_working_day"]:
                    lost[row["reason"]].append(user_id)
            for reason in sorted(lost.keys() - {"public_holiday"}, key=ORDER.__getitem__):
                days, people = len(lost[reason]), len(set(lost[reason]))
                rate = days / available if available else None
                found.append((organization_id, reason, days, available, rate, people, policy))
        return found

    def peak_absence(self, first: date, last: date) -> list[tuple[Any, ...]]:
        """The macro of that name."""
        found = []
        for organization_id, people in self._headcount().items():
            absent: dict[date, int] = defaultdict(int)
            for org, _, day, _ in self._in_range(first, last):
                if org == organization_id:
                    absent[day] += 1
            for day, count in absent.items():
                if sum(other > count for other in absent.values()) < 10:
                    found.append((organization_id, day, count, count / people))
        return sorted(found, key=lambda row: (row[0], -row[2], row[1]))


def _days_and_people(rows: list[tuple[int, Row]]) -> tuple[int, int, int]:
    working = sum(row["is_working_day"] for _, row in rows)
    return len(rows), working, len({user_id for user_id, _ in rows})


def _keyed(names: tuple[str, ...], rows: dict[tuple[int, int, date], Row]) -> list[Row]:
    return [{**dict(zip(names, key, strict=True)), **row} for key, row in sorted(rows.items())]
