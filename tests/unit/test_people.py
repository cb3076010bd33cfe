"""Test the normalisation of users."""

from datetime import datetime

from landing.segments import USER_SCHEMA
from tests.support.readings import Reject
from tests.support.warehouse import landed, landed_users
from transforms.people import normalise_people
from transforms.staged import STAGED_PEOPLE


def test_without_valid_users_the_frame_is_empty_and_has_every_column() -> None:
    people = normalise_people(landed_users((), (Reject("user", 1, 1),)), organization_id=7)
    assert (people.height, people.schema) == (0, STAGED_PEOPLE.polars_schema)


def test_a_creation_time_is_converted_to_utc_and_null_if_it_does_not_parse() -> None:
    texts = ["2020-05-04T03:02:01.123Z", "2020-05-04T03:02:01.123+02:00", "long ago", None]
    rows = [
        {"page": 1, "id": number, "email": "e", "created_at": text}
        for number, text in enumerate(texts, start=1)
    ]
    people = normalise_people(landed(rows, USER_SCHEMA), organization_id=7)
    assert people["created_at"].to_list() == [
        datetime.fromisoformat("2020-05-04T03:02:01.123"),
        datetime.fromisoformat("2020-05-04T01:02:01.123"),
        None,
        None,
    ]
