"""Realistic people: names, addresses, time zones and settings from a seeded random generator."""

import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from calcom.simulator.records import format_instant


@dataclass(frozen=True, slots=True)
class Country:
    """A country, its share of the people (`weight`), and the settings and names of its people."""

    code: str
    weight: int
    time_zones: tuple[str, ...]
    locale: str | None
    week_start: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


COUNTRIES = (
    Country("GB", 20, ("Europe/London",), "en", "Monday",
            ("Amelia", "Oliver", "Isla", "George", "Aisha", "Rhys", "Chloé", "Mo"),
            ("Smith", "Patel", "Evans", "O'Connor", "Okafor", "Taylor-Brown", "Khan", "MacLeod")),
    Country("DE", 18, ("Europe/Berlin",), "de", "Monday",
            ("Jürgen", "Käthe", "Lena", "Matthias", "Björn", "Zoë", "Yusuf", "Sören"),
            ("Müller", "Weiß", "Schäfer", "von der Heide", "Yılmaz", "Groß", "Becker", "Krüger")),
    Country("FR", 12, ("Europe/Paris",), "fr", "Monday",
            ("Éloïse", "François", "Anaïs", "Jérôme", "Léa", "Noémie", "Karim", "Benoît"),
            ("Lefèvre", "D'Angelo", "Garçon", "Benali", "Moreau", "Saint-Exupéry", "Nguyễn")),
    Country("ES", 9, ("Europe/Madrid", "Atlantic/Canary"), "es", "Monday",
            ("Íñigo", "Lucía", "Óscar", "María José", "Nuria", "Álvaro", "Carmen"),
            ("Núñez", "García", "de la Cruz", "Ibáñez", "Peña", "Muñoz", "Castro")),
    Country("PL", 8, ("Europe/Warsaw",), "pl", "Monday",
            ("Łukasz", "Małgorzata", "Zbigniew", "Agnieszka", "Paweł", "Katarzyna"),
            ("Wiśniewski", "Wójcik", "Dąbrowska", "Kamiński", "Zieliński", "Nowak")),
    Country("SE", 5, ("Europe/Stockholm",), "sv", "Monday",
            ("Åsa", "Göran", "Linnéa", "Sigrid", "Maja", "Emil"),
            ("Åström", "Öberg", "Lindqvist", "Jørgensen", "Ek", "Sjöberg")),
    Country("US", 14, ("America/New_York", "America/Chicago", "America/Denver",
                       "America/Los_Angeles", "America/Phoenix"), "en", "Sunday",
            ("Emily", "Jamal", "Siobhán", "DeShawn", "Grace", "Carlos", "Hannah", "Wei"),
            ("Johnson", "O'Neill", "Ramirez", "Washington", "St. John", "Chen", "Begay")),
    Country("BR", 5, ("America/Sao_Paulo", "America/Manaus"), "pt-BR", "Sunday",
            ("João", "Conceição", "Thaís", "Luís", "Antônia", "Caetano"),
            ("Araújo", "Gonçalves", "dos Santos", "Sá", "Magalhães")),
    Country("IN", 4, ("Asia/Kolkata",), "en", "Monday",
            ("Priya", "Arjun", "Lakshmi", "Rohan", "अनन्या"),
            ("Iyer", "Banerjee", "Subramaniam", "Gill", "शर्मा")),
    Country("JP", 3, ("Asia/Tokyo",), "ja", "Sunday",
            ("葵", "Haruto", "Yui", "健太"), ("佐藤", "Tanaka", "鈴木", "Itō")),
    Country("NZ", 2, ("Pacific/Auckland", "Australia/Sydney"), None, "Monday",
            ("Aroha", "Tāne", "Mere", "Liam"), ("Ngata", "Te Kanawa", "Williams", "Pōtae")),
)  # fmt: skip

_HOURS = {"DE": 24, "FR": 24, "ES": 24, "PL": 24, "SE": 24, "BR": 24, "JP": 24}


@dataclass(frozen=True, slots=True)
class Person:
    """A generated user, with the facts that the generation of absences needs."""

    user_id: int
    country: Country
    joined_on: date
    profile: dict[str, Any]


def draw_people(
    rng: random.Random, count: int, organization_id: int, first_day: date, until: date
) -> Iterator[Person]:
    """Yield people by ascending id, with gaps; about a sixth of them joined after the first day."""
    user_id = 0
    weights = [country.weight for country in COUNTRIES]
    for number in range(1, count + 1):
        user_id += 1 if rng.random() < 0.93 else rng.randint(2, 5)
        country = rng.choices(COUNTRIES, weights)[0]
        newcomer = number > 2 and rng.random() < 0.16
        span = (until - first_day).days if newcomer else 900
        joined_on = (first_day if newcomer else first_day - timedelta(900)) + timedelta(
            int(rng.random() * span)
        )
        name = f"{rng.choice(country.first_names)} {rng.choice(country.last_names)}"
        profile = user_record(
            user_id=user_id,
            profile_id=number,
            organization_id=organization_id,
            name=None if number % 97 == 41 else name,
            email=_address(number, user_id, name),
            username=f"{_slug(name)}-{user_id}",
            time_zone=rng.choice(country.time_zones),
            locale=country.locale if rng.random() < 0.8 else None,
            week_start=country.week_start,
            time_format=_HOURS.get(country.code, 12),
            created=datetime(joined_on.year, joined_on.month, joined_on.day, 9, tzinfo=UTC),
            metadata=None if rng.random() < 0.5 else {"department": rng.randint(1, 9)},
        )
        yield Person(user_id, country, joined_on, profile)


def _slug(name: str) -> str:
    """Return the name in lower-case ASCII letters and dots, as sign-up forms suggest it."""
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("ß", "ss").lower())
    return ".".join(re.sub("[^a-z ]", "", plain).split()) or "user"


def _address(number: int, user_id: int, name: str) -> str:
    """Return an address under .example; a few have a '+' or mixed case."""
    slug = _slug(name)
    if number % 83 == 7:
        return f"{slug}+calendar{user_id}@acme.example"
    if number % 89 == 11:
        return f"{slug.title()}.{user_id}@Acme.Example"
    return f"{slug}.{user_id}@acme.example"


def user_record(  # noqa: PLR0913 (the settings that the API shows)
    *,
    user_id: int,
    profile_id: int,
    organization_id: int,
    name: str | None,
    email: str,
    username: str | None,
    time_zone: str,
    locale: str | None,
    week_start: str,
    time_format: int,
    created: datetime,
    metadata: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return a user as `/users` shows it, in the API's order of keys; without metadata, the key is missing."""
    created_at = format_instant(created)
    record: dict[str, Any] = {
        "id": user_id,
        "username": username,
        "name": name,
        "email": email,
        "emailVerified": created_at,
        "bio": None,
        "avatarUrl": None,
        "timeZone": time_zone,
        "weekStart": week_start,
        "appTheme": None,
        "theme": None,
        "defaultScheduleId": None,
        "locale": locale,
        "timeFormat": time_format,
        "hideBranding": False,
        "brandColor": None,
        "darkBrandColor": None,
        "allowDynamicBooking": True,
        "createdDate": created_at,
        "verified": True,
        "invitedTo": None,
    }
    if metadata is not None:
        record["metadata"] = metadata
    record["profile"] = {
        "id": profile_id,
        "organizationId": organization_id,
        "userId": user_id,
        "username": username,
    }
    return record
