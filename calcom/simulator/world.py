"""The simulated organization: its people, their out-of-office entries and teams, which may change.

The rows follow the schema of Cal.com's database. Ids are serial and never reused. The rows of a person who
leaves the organization are hidden, not deleted. Deleting a user deletes the user's rows and every row that
the user covers (`ON DELETE CASCADE` on `toUserId`).
"""

import copy
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from threading import RLock
from typing import Any, Self, TypedDict, Unpack

from calcom.simulator.absences import draw_absences
from calcom.simulator.people import draw_people, user_record
from calcom.simulator.records import (
    Entry,
    Instant,
    Listings,
    Sort,
    end_instant,
    entry_from_wire,
    entry_id_of,
    reason_id_of,
    start_instant,
)
from calcom.simulator.teams import Teams

_INVITED_PEOPLE = 2
_JOINED_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


class EntryChanges(TypedDict, total=False):
    """The columns that `World.update_entry` can change."""

    start: Instant
    end: Instant
    reason: str | int | None
    notes: str | None
    to_user_id: int | None


class World:
    """An organization and its entries. A thread may change it while a server reads in another thread."""

    def __init__(
        self,
        people: Iterable[dict[str, Any]],
        entries: Iterable[Entry],
        *,
        invited: Iterable[dict[str, Any]] = (),
        organization_id: int = 1,
        seed: int = 1,
    ) -> None:
        """Use the given user records of people and of invited people without a profile, and the given rows."""
        self.organization_id = organization_id
        self.lock = RLock()
        self._members = {person["id"]: person for person in people}
        self._former: dict[int, dict[str, Any]] = {}
        self._invited = {person["id"]: person for person in invited}
        self.teams = Teams(self.lock, organization_id, self._members, self._invited)
        self._entries = {entry.entry_id: entry for entry in sorted(entries, key=entry_id_of)}
        self._listings: Listings | None = None
        self._random = random.Random(f"uuid {seed}")
        self._last_user_id = max((*self._members, *self._invited), default=0)
        self._last_entry_id = max(self._entries, default=0)
        self._last_profile_id = max((p["profile"]["id"] for p in self._members.values()), default=0)

    @classmethod
    def generate(
        cls,
        *,
        seed: int = 1,
        people: int = 250,
        years: int = 3,
        until: date = date(2026, 12, 31),
        organization_id: int = 1,
    ) -> Self:
        """Return a realistic organization; equal arguments give equal worlds, byte for byte."""
        rng = random.Random(f"world {seed}")
        first_day = date(until.year - years + 1, 1, 1)
        drawn = list(draw_people(rng, people + _INVITED_PEOPLE, organization_id, first_day, until))
        staff, invited = drawn[:people], drawn[people:]
        entries, entry_id = [], 0
        for absence in draw_absences(rng, staff, first_day, until):
            entry_id += 1 if rng.random() < 0.97 else rng.randint(2, 9)
            _, user_id, start, end, reason_id, notes, cover = absence
            uuid = _draw_uuid(rng)
            entries.append(Entry(entry_id, uuid, user_id, cover, start, end, notes, reason_id))
        return cls(
            (person.profile for person in staff),
            entries,
            invited=(person.profile for person in invited),
            organization_id=organization_id,
            seed=seed,
        )

    @classmethod
    def from_records(
        cls,
        users: Sequence[Mapping[str, Any]],
        entries: Sequence[Mapping[str, Any]],
        *,
        organization_id: int = 1,
    ) -> Self:
        """Return a world of records as the API shows them; entries of unknown users are hidden."""
        people = (copy.deepcopy(dict(user)) for user in users)
        return cls(people, map(entry_from_wire, entries), organization_id=organization_id)

    # Reads

    def users(self) -> list[dict[str, Any]]:
        """Return the organization's people as `/users` shows them, by ascending id."""
        with self.lock:
            return copy.deepcopy([self._members[user_id] for user_id in sorted(self._members)])

    def entries(self, user_id: int | None = None) -> list[dict[str, Any]]:
        """Return the visible entries as the API shows them, by ascending id: of one user, or of all for None."""
        with self.lock:
            return [entry.wire() for entry in self._listed().rows(user_id)]

    def has_member(self, user_id: int) -> bool:
        """Return True if the user has a profile in the organization."""
        return user_id in self._members

    def members(self) -> Sequence[dict[str, Any]]:
        """Return the live user records by ascending id, for reading only."""
        with self.lock:
            return [self._members[user_id] for user_id in sorted(self._members)]

    def invited(self) -> Sequence[dict[str, Any]]:
        """Return the people with a pending membership and no profile, who are not in `/users` and `/ooo`."""
        with self.lock:
            return list(self._invited.values())

    def member_id_by_email(self, email: str) -> int | None:
        """Return the member with exactly this address, or None; Cal.com compares case-sensitively."""
        with self.lock:
            return next((i for i, m in self._members.items() if m["email"] == email), None)

    def count_entries(self) -> int:
        """Return the number of entries in the organization's listing."""
        with self.lock:
            return len(self._listed().rows(None))

    def page(self, user_id: int | None, take: int, skip: int, sort: Sort | None) -> Sequence[Entry]:
        """Return one page of the listing of one user, or of the organization for None."""
        with self.lock:
            return self._listed().page(user_id, take, skip, sort)

    def find_entry(self, entry_id: int, user_id: int) -> Entry | None:
        """Return the user's entry with this id, or None."""
        with self.lock:
            entry = self._entries.get(entry_id)
            return entry if entry is not None and entry.user_id == user_id else None

    def rows_of(self, user_id: int) -> list[Entry]:
        """Return every row of the user."""
        with self.lock:
            return [entry for entry in self._entries.values() if entry.user_id == user_id]

    def rows_covered_by(self, user_id: int) -> list[Entry]:
        """Return every row that redirects to the user, hidden or not."""
        with self.lock:
            return [entry for entry in self._entries.values() if entry.to_user_id == user_id]

    # Changes

    def add_entry(  # noqa: PLR0913 (the columns of a row)
        self,
        user_id: int,
        start: Instant,
        end: Instant,
        *,
        reason: str | int | None = "unspecified",
        notes: str | None = None,
        to_user_id: int | None = None,
    ) -> int:
        """Create an entry and return its id.

        A day becomes its first or last millisecond; a text is stored unchanged. `reason` is one of the five
        names, the id of a custom reason (6 or more), or None.
        """
        reason_id = reason_id_of(reason)
        with self.lock:
            self._last_entry_id += 1
            entry = Entry(
                self._last_entry_id,
                _draw_uuid(self._random),
                user_id,
                to_user_id,
                start_instant(start),
                end_instant(end),
                notes,
                reason_id,
            )
            self._entries[entry.entry_id] = entry
            if self._listings is not None and self.has_member(user_id):
                self._listings.append(entry)
            return entry.entry_id

    def update_entry(self, entry_id: int, **changes: Unpack[EntryChanges]) -> None:
        """Change an entry in place; its id and uuid stay, as with PATCH."""
        with self.lock:
            entry = self._entries[entry_id]
            if "start" in changes:
                entry.start = start_instant(changes["start"])
            if "end" in changes:
                entry.end = end_instant(changes["end"])
            if "reason" in changes:
                entry.reason_id = reason_id_of(changes["reason"])
            if "notes" in changes:
                entry.notes = changes["notes"]
            if "to_user_id" in changes:
                entry.to_user_id = changes["to_user_id"]
            entry.encoded = None
            if self._listings is not None:
                self._listings.forget_orders()

    def delete_entry(self, entry_id: int) -> None:
        """Delete an entry; its id is never reused."""
        with self.lock:
            entry = self._entries.pop(entry_id)
            if self._listings is not None:
                self._listings.remove(entry)

    def add_user(  # noqa: PLR0913 (the settings that a test may want to choose)
        self,
        *,
        name: str | None = "New Colleague",
        email: str | None = None,
        username: str | None = None,
        time_zone: str = "Europe/London",
        locale: str | None = "en",
        week_start: str = "Monday",
        metadata: dict[str, Any] | None = None,
    ) -> int:
        """Create a member and return the id; the default address and username follow from the id."""
        with self.lock:
            self._last_user_id += 1
            self._last_profile_id += 1
            user_id = self._last_user_id
            self._members[user_id] = user_record(
                user_id=user_id,
                profile_id=self._last_profile_id,
                organization_id=self.organization_id,
                name=name,
                email=email or f"user{user_id}@acme.example",
                username=username or f"user{user_id}",
                time_zone=time_zone,
                locale=locale,
                week_start=week_start,
                time_format=24,
                created=_JOINED_AT,
                metadata=metadata,
            )
            self._listings = None
            return user_id

    def remove_user(self, user_id: int) -> None:
        """Remove the user's profile from the organization; the user's rows are hidden."""
        with self.lock:
            self._former[user_id] = self._members.pop(user_id)
            self._listings = None

    def restore_user(self, user_id: int) -> None:
        """Restore the profile of a removed user; the rows are visible again, with the same ids."""
        with self.lock:
            self._members[user_id] = self._former.pop(user_id)
            self._listings = None

    def delete_user(self, user_id: int) -> None:
        """Delete the user, the user's rows and every row that the user covers."""
        with self.lock:
            if self._members.pop(user_id, None) is None:
                del self._former[user_id]
            self._entries = {
                entry_id: entry
                for entry_id, entry in self._entries.items()
                if user_id not in (entry.user_id, entry.to_user_id)
            }
            self._listings = None

    def _listed(self) -> Listings:
        """Return the visible entries; they are listed again after people joined or left."""
        if self._listings is None:
            self._listings = Listings(self._entries.values(), self._members)
        return self._listings


def _draw_uuid(rng: random.Random) -> str:
    """Return a random UUID of version 4."""
    digits = f"{rng.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
