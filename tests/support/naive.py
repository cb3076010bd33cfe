"""A second warehouse in plain Python, slow and simple, with which tests compare the product.

It shares no code with the product: it has no frames and no SQL, and it implements every rule a second time.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from tests.support.naive_rules import (
    HORIZON,
    ORDER,
    Row,
    counted_days,
    days_between,
    facts_of,
    materialized_days,
)
from tests.support.naive_teams import NaiveTeams
from tests.support.readings import Absence, Calendar, Policy, Reading, Reject

NEVER = datetime(1, 1, 1)  # noqa: DTZ001 - instants are UTC without a zone
CREATED_ON = date(2020, 1, 1)
"""The day on which the account of every invented user was created."""


class NaiveWarehouse:
    """The state of the warehouse after each reading. The tables and the measures are computed from it."""

    def __init__(self) -> None:
        """Start with an empty warehouse."""
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
        """Apply `reading`, and return the number of entries per kind of change."""
        self.latest[reading.organization_id] = reading.at
        self.teams.read(reading.organization_id, reading.at, reading.teams)
        self.policy = reading.policy
        if reading.is_complete:
            self.first_complete.setdefault(reading.organization_id, reading.at)
        staged = {
            absence.entry_id: absence
            for absence in sorted(reading.absences, key=lambda absence: absence.page)
        }
        present = set(reading.users) | {absence.user_id for absence in reading.absences}
        present |= {reject.user_id for reject in reading.rejects}
        counts = {"inserted": 0, "updated": 0, "unchanged": 0, "notes_changed": 0, "deleted": 0}
        self._delete_vanished(reading, staged, present, counts)
        for absence in staged.values():
            self._write_entry(reading, absence, counts)
        self._write_people(reading, staged, present)
        self._extend_calendar(reading.at)
        return counts

    def _delete_vanished(
        self, reading: Reading, staged: dict[int, Absence], present: set[int | None], counts: Row
    ) -> None:
        unreadable = _unreadable_entries(reading.rejects, staged)
        for (organization_id, entry_id), entry in self.entries.items():
            is_live_here = organization_id == reading.organization_id and entry["deleted_at"] is None
            if not is_live_here or entry_id in staged or entry_id in unreadable:
                continue
            user_id = entry["user_id"]
            user_is_gone = reading.proves("users") and user_id not in present
            if reading.proves("organization") or reading.proves("user", user_id) or user_is_gone:
                entry["deleted_at"] = reading.at
                entry["deletion_cause"] = "person_left" if user_is_gone else "deleted"
                cover = self.people.get((organization_id, entry["covering_user_id"]), {"left_at": NEVER})
                cover_leaves = cover["left_at"] is None and entry["covering_user_id"] not in present
                if reading.proves("users") and cover_leaves and not user_is_gone:
                    entry["deletion_cause"] = "cover_deleted"
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
            "deletion_cause": None,
        }
        is_the_same = before is not None and all(before[name] == value for name, value in facts.items())
        has_other_note = is_the_same and self.notes[key] != absence.notes
        self.notes[key] = absence.notes
        if before is None:
            counts["inserted"] += 1
            self._add_version(reading, absence.entry_id, facts, "appeared")
        elif before["deleted_at"] is not None:
            counts["updated"] += 1
            self._add_version(reading, absence.entry_id, facts, "returned")
        elif is_the_same:
            counts["unchanged"] += 1
            counts["notes_changed"] += has_other_note
        else:
            counts["updated"] += 1
            self._add_version(reading, absence.entry_id, facts, "changed")

    def _add_version(self, reading: Reading, entry_id: int, facts: Row, change: str) -> None:
        for version in self.history:
            same = (version["organization_id"], version["entry_id"]) == (reading.organization_id, entry_id)
            if same and version["valid_to"] is None:
                version["valid_to"] = reading.at
        snapshot_columns = ("first_seen_at", "last_seen_at", "deleted_at")
        self.history.append(
            {
                "organization_id": reading.organization_id,
                "entry_id": entry_id,
                "valid_from": reading.at,
                "valid_to": None,
                "change": change,
                "deletion_cause": None,
                **{name: value for name, value in facts.items() if name not in snapshot_columns},
            }
        )

    def _write_people(self, reading: Reading, staged: dict[int, Absence], present: set[int | None]) -> None:
        with_entries = {absence.user_id for absence in staged.values()}
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

    def _extend_calendar(self, at: datetime) -> None:
        years = [at.year - 1, at.year + 1]
        for version in self.history:
            years += [day.year for day in materialized_days(version["starts_on"], version["ends_on"])]
        self.calendar = (date(min(years), 1, 1), date(max(years), 12, 31))

    def calendar_of(self, organization_id: int, user_id: int) -> tuple[str, Calendar]:
        """Return the name and the rules of the work calendar of a person, by the latest policy."""
        person = self.people[organization_id, user_id]
        name = self.policy.name_for(user_id, person["email"])
        return name, self.policy.calendars[name]

    def working_days(self, organization_id: int, user_id: int, days: list[date]) -> int:
        """Return the number of the days that are working days of the person."""
        return sum(map(self.calendar_of(organization_id, user_id)[1].is_working, days))

    def age_first_versions(self, ages: dict[int, int]) -> None:
        """Give the first versions of entries the instants of an old server, and the dates of version 0.1.0.

        `ages` are entry ids with the hours that the server was ahead of UTC. The entries themselves stay as they are,
        as after the migration.
        """
        for version in self.history:
            hours = ages.get(version["entry_id"], 0)
            if version["change"] == "appeared" and hours:
                for name, on in (("starts_at_raw", "starts_on"), ("ends_at_raw", "ends_on")):
                    version[name] -= timedelta(hours=hours)
                    version[on] = version[name].date()
                days = max((version["ends_on"] - version["starts_on"]).days + 1, 0)
                version |= {"calendar_days": days, "is_day_aligned": False, "date_rule": "date_parts"}

    def settle(self) -> None:
        """Cache the results that many measures use. Call this after the last reading."""
        for method in ("absence_days", "absent_days", "calendar_days", "counted_entries", "tables"):
            setattr(self, method, functools.cache(getattr(self, method)))

    def calendar_days(self) -> dict[tuple[str, date], Row]:
        """Return each day of each work calendar."""
        rows = {}
        for name, calendar in sorted(self.policy.calendars.items()):
            number = (
                sum(map(calendar.is_working, days_between(HORIZON[0], self.calendar[0])))
                if self.calendar
                else 0
            )
            for position, day in enumerate(days_between(*self.calendar) if self.calendar else []):
                number += position > 0 and calendar.is_working(day)
                rows[name, day] = {"is_working_day": calendar.is_working(day), "working_day_number": number}
        return rows

    def live_entries(self) -> Iterable[tuple[int, int, Row]]:
        """Yield the organization id, the entry id and the facts of each entry that is not deleted."""
        for (organization_id, entry_id), entry in sorted(self.entries.items()):
            if entry["deleted_at"] is None:
                yield organization_id, entry_id, entry

    def counted_entries(self) -> list[tuple[int, int, Row, list[date]]]:
        """Return the organization id, the entry id, the facts and the days of each entry that has days."""
        return [
            (*key, entry, days)
            for key, entry in sorted(self.entries.items())
            if (days := counted_days(entry))
        ]

    def staying_people(self) -> set[tuple[int, int]]:
        """Return the keys of the people who have not left."""
        return {key for key, person in self.people.items() if person["left_at"] is None}

    def entry_days(self) -> dict[tuple[int, int, date], Row]:
        """Return each day of each entry."""
        return {
            (organization_id, entry_id, day): {
                "user_id": entry["user_id"],
                "reason": entry["reason"],
                "is_working_day": calendar.is_working(day),
            }
            for organization_id, entry_id, entry, days in self.counted_entries()
            for calendar in [self.calendar_of(organization_id, entry["user_id"])[1]]
            for day in days
        }

    def absence_days(self) -> dict[tuple[int, int, date], Row]:
        """Return each day of each absent person, once."""
        entries_of: dict[tuple[int, int, date], list[tuple[int, int, Row]]] = defaultdict(list)
        for organization_id, entry_id, entry, days in self.counted_entries():
            for day in days:
                ranked = (ORDER[entry["reason"]], entry_id, entry)
                entries_of[organization_id, entry["user_id"], day].append(ranked)
        rows = {}
        for key, candidates in entries_of.items():
            ranked = sorted(candidates, key=lambda candidate: candidate[:2])
            covers = [entry["covering_user_id"] for _, _, entry in ranked if entry["covering_user_id"]]
            cover = covers[0] if covers else None
            rows[key] = {
                "reason": ranked[0][2]["reason"],
                "entry_count": len(ranked),
                "is_working_day": self.calendar_of(*key[:2])[1].is_working(key[2]),
                "covering_user_id": cover,
                "is_cover_absent": None if cover is None else (key[0], cover, key[2]) in entries_of,
            }
        return rows

    def absent_days(self, first: date, last: date) -> list[tuple[int, int, date, Row]]:
        """Return the absence days from `first` to `last`, ascending by organization, person and day."""
        return [(*key, row) for key, row in sorted(self.absence_days().items()) if first <= key[2] <= last]

    def team_people(self, organization_id: int, team_id: int) -> list[int]:
        """Return the user ids of the active members of a team who have not left the organization."""
        staying = self.staying_people()
        members = self.teams.active_members(organization_id, team_id)
        return [user_id for user_id in members if (organization_id, user_id) in staying]

    def tables(self) -> dict[str, list[Row]]:
        """Return the published tables that snapshots decide, ascending by key; people have no profile."""
        by_entry = ("organization_id", "entry_id", "date_on")
        by_person = ("organization_id", "user_id", "date_on")
        version_key = ("organization_id", "entry_id", "valid_from")
        return {
            "dim_organizations": [self._organization_row(key) for key in sorted(self.latest)],
            "dim_people": [self._person_row(*key) for key in sorted(self.people)],
            **self.teams.tables(self.latest),
            "dim_dates": [{"date_on": day} for day in days_between(*self.calendar)] if self.calendar else [],
            "dim_calendar_days": [
                {"calendar": name, "date_on": day, **row} for (name, day), row in self.calendar_days().items()
            ],
            "fct_ooo_entries": [self._entry_row(*key) for key in sorted(self.entries)],
            "fct_entry_days": _with_keys(by_entry, self.entry_days()),
            "fct_absence_days": _with_keys(by_person, self.absence_days()),
            "ooo_entry_history": [
                {**version, "working_days": self.version_working_days(version)}
                for version in sorted(self.history, key=lambda row: [row[name] for name in version_key])
            ],
        }

    def version_working_days(self, version: Row) -> int:
        """Return the number of materialized days of a version that are working days of the person."""
        days = materialized_days(version["starts_on"], version["ends_on"])
        return self.working_days(version["organization_id"], version["user_id"], days)

    def _organization_row(self, organization_id: int) -> Row:
        latest = self.latest[organization_id]
        return {
            "organization_id": organization_id,
            "name": None,
            "fleet_name": None,
            "api_url": None,
            "last_snapshot_at": latest,
            "last_attempt_at": latest,
            "left_fleet_at": None,
            "is_stale": self._is_old(organization_id),
        }

    def _is_old(self, organization_id: int) -> bool:
        return max(self.latest.values()) - self.latest[organization_id] > timedelta(hours=36)

    def _person_row(self, organization_id: int, user_id: int) -> Row:
        person, latest = self.people[organization_id, user_id], self.latest[organization_id]
        confirmed_at = self.entries_as_of.get((organization_id, user_id), NEVER)
        is_old = person["last_seen_at"] < latest or confirmed_at < latest
        first_days = [
            days[0]
            for organization, _, entry, days in self.counted_entries()
            if (organization, entry["user_id"]) == (organization_id, user_id)
        ]
        joined_on = person["first_seen_at"].date() if person["email"] is None else CREATED_ON
        return {
            "organization_id": organization_id,
            "user_id": user_id,
            **person,
            "member_from_on": min([joined_on, *first_days]),
            "member_to_on": person["left_at"] and person["left_at"].date(),
            "is_stale": person["left_at"] is None and (is_old or self._is_old(organization_id)),
            "calendar": self.calendar_of(organization_id, user_id)[0],
        }

    def _entry_row(self, organization_id: int, entry_id: int) -> Row:
        entry = self.entries[organization_id, entry_id]
        days = counted_days(entry)
        return {
            "organization_id": organization_id,
            "entry_id": entry_id,
            **entry,
            "materialized_days": len(days),
            "working_days": self.working_days(organization_id, entry["user_id"], days),
            "is_stale": entry["deleted_at"] is None
            and (entry["last_seen_at"] < self.latest[organization_id] or self._is_old(organization_id)),
        }

    def as_of(self, organization_id: int, at: datetime) -> dict[int, Row]:
        """Return the live entries that the history shows for the instant `at`."""
        return {
            version["entry_id"]: version
            for version in self.history
            if version["organization_id"] == organization_id
            and version["valid_from"] <= at
            and (version["valid_to"] is None or at < version["valid_to"])
            and version["change"] != "vanished"
        }


def _unreadable_entries(rejects: tuple[Reject, ...], staged: dict[int, Absence]) -> set[int | None]:
    """Return the ids of the entries with a rejected record and without a valid one."""
    return {
        reject.record_id for reject in rejects if reject.kind == "entry" and reject.record_id not in staged
    }


def _with_keys(names: tuple[str, ...], rows: dict[tuple[int, int, date], Row]) -> list[Row]:
    return [{**dict(zip(names, key, strict=True)), **row} for key, row in sorted(rows.items())]
