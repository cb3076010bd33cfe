"""Public holidays of the countries the generated people live in."""

from datetime import date, timedelta
from functools import cache

_FIXED = {
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
_EASTER_MONDAY = frozenset({"GB", "DE", "FR", "PL", "SE", "NZ"})


def easter_sunday(year: int) -> date:
    """Easter of the Gregorian calendar, by the anonymous algorithm (Meeus/Jones/Butcher)."""
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
    """The days, in order, that a company's people of this country enter as public holidays."""
    days = [date(year, month, day) for month, day in _FIXED[country]]
    if country in _EASTER_MONDAY:
        days.append(easter_sunday(year) + timedelta(1))
    return tuple(sorted(days))
