"""Realistic absences: summers, Christmas, school holidays, public holidays, winter illnesses and trips.

The rows are in the order in which they were entered, which is not the order of their starts. An office
enters a year's public holidays in one evening in December. A holiday is booked weeks ahead, and an illness
is entered on its first day.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from calcom.simulator.people import Person
from calcom.simulator.records import FIRST_CUSTOM_REASON_ID, REASON_IDS

_VACATION = REASON_IDS["vacation"]
_TRAVEL = REASON_IDS["travel"]
_SICK = REASON_IDS["sick"]
_PUBLIC_HOLIDAY = REASON_IDS["public_holiday"]
_PARENTAL_LEAVE, _TRAINING = FIRST_CUSTOM_REASON_ID, FIRST_CUSTOM_REASON_ID + 1

# The weights of the months in which a holiday or an illness starts, January first.
_NORTHERN_HOLIDAYS = (3, 6, 5, 8, 7, 9, 20, 24, 6, 8, 3, 14)
_SOUTHERN_HOLIDAYS = (22, 12, 5, 7, 3, 3, 8, 4, 6, 5, 5, 20)
_SOUTHERN_COUNTRIES = frozenset({"BR", "NZ"})
_ILLNESSES = (16, 18, 14, 8, 5, 3, 2, 2, 6, 9, 11, 13)

_VACATION_NOTES = (
    "Annual leave", "Back on Monday", "see handover doc", "OOO", "School holidays",
    "Congés d’été – à bientôt ☀️", "Urlaub – bitte an das Team wenden", "Wesele 🎉 i podróż",
    "Reachable in emergencies:\r\n+44 20 7946 0000", "Handover:\n- inbox\n- on-call rota",
    "夏休み", 'Says "do not disturb"', "Größere Reise; kein Laptop",
)  # fmt: skip
_SICK_NOTES = ("Sick", "krank gemeldet", "Flu 🤒", "Doctor's appointment")
_TRAVEL_NOTES = ("Conference in Lisbon", "Client visit, Zürich", "Offsite", "Feira em São Paulo")
_HOLIDAY_NOTES = ("Public holiday", "Feiertag", "Bank holiday")

_FIXED_HOLIDAYS = {
    "GB": ((1, 1), (12, 25), (12, 26)),
    "DE": ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)),
    "FR": ((1, 1), (5, 1), (5, 8), (7, 14), (12, 25)),
    "ES": ((1, 1), (1, 6), (5, 1), (10, 12), (12, 25)),
    "PL": ((1, 1), (5, 1), (5, 3), (11, 11), (12, 25)),
    "SE": ((1, 1), (5, 1), (6, 6), (12, 25)),
    "US": ((1, 1), (7, 4), (11, 11), (12, 25)),
    "BR": ((1, 1), (5, 1), (9, 7), (12, 25)),
    "IN": ((1, 26), (8, 15), (10, 2)),
    "JP": ((1, 1), (2, 11), (5, 3), (11, 3)),
    "NZ": ((1, 1), (2, 6), (4, 25), (12, 25)),
}
_EASTER_MONDAY_COUNTRIES = frozenset({"GB", "DE", "FR", "PL", "SE", "NZ"})


class Absence(NamedTuple):
    """A generated row without an id; `entered_on` is a day number (see `date.toordinal`)."""

    entered_on: int
    user_id: int
    start: str
    end: str
    reason_id: int | None
    notes: str | None
    to_user_id: int | None


def draw_absences(
    rng: random.Random, people: Sequence[Person], first_day: date, until: date
) -> list[Absence]:
    """Return the absences of the people in the order entered: between the two days, and a few later ones.

    There are about ten per person and year; one person in thirty has none.
    """
    colleagues = [person.user_id for person in people]
    absences: list[Absence] = []
    for person in people:
        if rng.random() < 1 / 30:
            continue
        for year in range(first_day.year, until.year + 1):
            begins = max(first_day, person.joined_on, date(year, 1, 1)).toordinal()
            ends = min(until, date(year, 12, 31)).toordinal()
            if begins <= ends:
                _PersonYear(rng, person, colleagues, begins, ends).draw_into(absences)
    absences.extend(_booked_ahead(rng, people, until))
    _misalign_oldest(rng, absences, first_day)
    absences.sort(key=_entered_on)
    return absences


def _entered_on(absence: Absence) -> int:
    return absence.entered_on


@cache
def day_text(ordinal: int) -> str:
    """Return the day as YYYY-MM-DD."""
    return date.fromordinal(ordinal).isoformat()


class _PersonYear:
    """Generates one person's absences of one year; `begins` and `ends` are inclusive day numbers."""

    def __init__(
        self, rng: random.Random, person: Person, colleagues: Sequence[int], begins: int, ends: int
    ) -> None:
        self._rng = rng
        self._person = person
        self._colleagues = colleagues
        self._begins = begins
        self._ends = ends
        self._year = date.fromordinal(ends).year

    def draw_into(self, absences: list[Absence]) -> None:
        """Append the absences of the year, in no particular order."""
        absences.extend(self._public_holidays())
        absences.extend(self._vacations())
        absences.extend(self._illnesses())
        absences.extend(self._trips())
        absences.extend(self._leaves())

    def _public_holidays(self) -> Iterator[Absence]:
        """Yield the public holidays, entered in one evening; whole offices share their starts and ends."""
        if self._rng.random() < 0.08:
            return
        entered_on = date(self._year - 1, 12, 1).toordinal()
        note = self._rng.choice(_HOLIDAY_NOTES) if self._rng.random() < 0.3 else None
        for day in public_holidays(self._person.country.code, self._year):
            ordinal = day.toordinal()
            if self._begins <= ordinal <= self._ends:
                yield self._absence(entered_on, ordinal, 1, _PUBLIC_HOLIDAY, note, None)

    def _vacations(self) -> Iterator[Absence]:
        southern = self._person.country.code in _SOUTHERN_COUNTRIES
        months = _SOUTHERN_HOLIDAYS if southern else _NORTHERN_HOLIDAYS
        for _ in range(self._rng.randint(3, 6)):
            start = self._start_in(months)
            if start is None:
                continue
            days = self._rng.choice((1, 1, 1, 2, 3, 4, 5, 5, 5, 7, 9, 12, 14))
            if days > 4:
                start -= (start - 1) % 7
            yield self._vacation(start, days)

    def _vacation(self, start: int, days: int) -> Absence:
        rng = self._rng
        kind = rng.random()
        reason_id = _VACATION if kind < 0.82 else rng.choice((None, 1, _TRAINING, 8))
        cover = rng.choice(self._colleagues) if rng.random() < 0.22 else None
        entered_on = start - int(rng.random() ** 2 * 120) - 1
        return self._absence(entered_on, start, days, reason_id, self._note(_VACATION_NOTES), cover)

    def _illnesses(self) -> Iterator[Absence]:
        for _ in range(self._rng.choice((0, 0, 1, 1, 1, 2, 3))):
            start = self._start_in(_ILLNESSES)
            if start is not None:
                days = self._rng.choice((1, 1, 2, 2, 3, 3, 4, 5, 8))
                yield self._absence(start, start, days, _SICK, self._note(_SICK_NOTES), None)

    def _trips(self) -> Iterator[Absence]:
        if self._rng.random() < 0.4:
            start = self._begins + int(self._rng.random() * (self._ends - self._begins + 1))
            entered_on = start - self._rng.randint(3, 40)
            days, note = self._rng.randint(1, 4), self._note(_TRAVEL_NOTES)
            yield self._absence(entered_on, start, days, _TRAVEL, note, None)

    def _leaves(self) -> Iterator[Absence]:
        if self._rng.random() < 0.02:
            start = self._begins + int(self._rng.random() * (self._ends - self._begins + 1))
            days = self._rng.choice((30, 60, 90, 180))
            cover = self._rng.choice(self._colleagues)
            yield self._absence(start - 60, start, days, _PARENTAL_LEAVE, None, cover)

    def _start_in(self, months: Sequence[int]) -> int | None:
        """Return a day in a random month; None if the person was not employed on that day."""
        month = self._rng.choices(range(1, 13), months)[0]
        start = date(self._year, month, 1).toordinal() + int(self._rng.random() * 28)
        return start if self._begins <= start <= self._ends else None

    def _note(self, notes: Sequence[str]) -> str | None:
        """Return a note, None in most cases, or the empty text that the web form sends."""
        kind = self._rng.random()
        if kind < 0.55:
            return None
        return "" if kind < 0.63 else self._rng.choice(notes)

    def _absence(  # noqa: PLR0913, PLR0917 (the columns of a row)
        self,
        entered_on: int,
        start: int,
        days: int,
        reason_id: int | None,
        notes: str | None,
        cover: int | None,
    ) -> Absence:
        user_id = self._person.user_id
        starts = f"{day_text(start)}T00:00:00.000Z"
        ends = f"{day_text(start + days - 1)}T23:59:59.999Z"
        to_user_id = None if cover == user_id else cover
        return Absence(entered_on, user_id, starts, ends, reason_id, notes, to_user_id)


def _booked_ahead(rng: random.Random, people: Sequence[Person], until: date) -> Iterator[Absence]:
    """Yield a holiday after the last day, entered before it, for one person in twelve."""
    last = until.toordinal()
    for person in people:
        if rng.random() < 1 / 12:
            start = last + rng.randint(1, 150)
            starts = f"{day_text(start)}T00:00:00.000Z"
            ends = f"{day_text(start + 6)}T23:59:59.999Z"
            entered_on = last - rng.randint(0, 60)
            yield Absence(entered_on, person.user_id, starts, ends, _VACATION, None, None)


def _misalign_oldest(rng: random.Random, absences: list[Absence], first_day: date) -> None:
    """Let some rows of the first year start at the local midnight of a server.

    Cal.com stored days in the local time of the server until January 2024 (calcom/cal.com, pull request
    13284).
    """
    first_year = str(first_day.year)
    for index, absence in enumerate(absences):
        if not absence.start.startswith(first_year) or rng.random() >= 0.05:
            continue
        if absence.reason_id == _PUBLIC_HOLIDAY:
            continue
        hour = 22 if "04" <= absence.start[5:7] <= "10" else 23
        start = date.fromisoformat(absence.start[:10]) - timedelta(1)
        absences[index] = absence._replace(
            start=f"{start}T{hour}:00:00.000Z", end=f"{absence.end[:10]}T{hour - 1}:59:59.999Z"
        )


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar, by the algorithm of Meeus, Jones and Butcher."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap, century_rest = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - correction + 15) % 30
    quarter, quarter_rest = divmod(rest, 4)
    weekday = (32 + 2 * century_rest + 2 * quarter - epact - quarter_rest) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


@cache
def public_holidays(country: str, year: int) -> tuple[date, ...]:
    """Return the days, ascending, that people of this country enter as public holidays."""
    days = [date(year, month, day) for month, day in _FIXED_HOLIDAYS[country]]
    if country in _EASTER_MONDAY_COUNTRIES:
        days.append(easter_sunday(year) + timedelta(1))
    return tuple(sorted(days))
