"""Test the declaration of personal columns, and the pseudonyms: keyed, stable and unique."""

import hashlib
import hmac
from datetime import date

import polars as pl
import pytest

from flows.run.publication import published_tables
from transforms import schema, staged
from transforms.errors import TransformError
from transforms.hidden_reasons import DAY_LEVELS
from transforms.privacy import assign_pseudonyms, pseudonym_of
from transforms.suppression import suppress_small_groups
from transforms.table import Personal, Table
from warehouse.tables import personal_columns

KEY = b"k" * 32
NO_DAYS = pl.DataFrame(
    schema={
        "organization_id": pl.Int64,
        "person": pl.Int64,
        "date_on": pl.Date,
        "reason": pl.String,
        **dict.fromkeys(DAY_LEVELS.values(), pl.Boolean),
    }
)
"""The days of absence of no person, so that only the figures of the answer count."""
MOST_EXACT = 10**15
"""Excel keeps 15 digits of a number. JavaScript and jq keep every integer up to 2^53, which has 16."""
TABLES = [value for value in (vars(schema) | vars(staged)).values() if isinstance(value, Table)]
IMPERSONAL = {
    *("entry_uuid", "reason", "reason_raw", "change", "label", "date_rule", "deletion_cause"),
    *("dim_organizations.name", "api_url"),
    *("staged_teams.time_zone", "dim_teams.time_zone"),
    *(
        "calendar",
        "work_week",
        "country",
        "subdivision",
        "holiday_categories",
        "holidays_version",
        "holiday_name",
        "rules",
    ),
    *("staged_teams.name", "dim_teams.name", "slug", "role"),
    *("audit", "severity", "promise"),
    *("run_id", "fleet_name", "strategy", "outcome", "record_kind", "problem"),
}
"""The text columns that cannot name a person. Declare other ones with `personal=Personal.TEXT`."""
TRAITS = {"time_zone", "locale", "created_at"}
"""The columns of a profile that can single out a person."""


def test_the_checks_cover_the_published_tables_and_the_staging_tables() -> None:
    assert {*schema.PUBLISHED, staged.STAGED_PEOPLE, staged.STAGED_REJECTS} <= {*TABLES}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_that_can_identify_a_person_is_declared_personal(table: Table) -> None:
    for column in table.columns:
        where = f"{table.name}.{column.name}: declare it as personal, or add it to IMPERSONAL in this file"
        is_impersonal = bool({column.name, f"{table.name}.{column.name}"} & IMPERSONAL)
        if column.name in TRAITS and not is_impersonal:
            assert column.personal is Personal.TRAIT, where
        elif column.dtype == pl.String:
            assert (column.personal is Personal.TEXT) != is_impersonal, where
        else:
            is_user_id = column.name == "user_id" or column.name.endswith("_user_id")
            assert column.personal is (Personal.ID if is_user_id else None), where


def test_hidden_columns_are_nullable_and_tables_with_pseudonyms_have_an_organization_id() -> None:
    for table in published_tables(publishes_notes=True, pseudonymises=True):
        names = {column.name for column in table.columns}
        for column in table.columns:
            assert column.is_nullable or table.shown_as(column) != "null", f"{table.name}.{column.name}"
            assert "organization_id" in names or table.shown_as(column) != "pseudonym", table.name


def test_a_pseudonymous_publication_has_no_personal_column_and_the_same_schema() -> None:
    named, pseudonymous = (
        published_tables(publishes_notes=False, pseudonymises=pseudonymises)
        for pseudonymises in (False, True)
    )
    assert personal_columns(pseudonymous) == []
    assert {"dim_people.email", "fct_ooo_entries.covering_user_id", "runs.error"} <= set(
        personal_columns(named)
    )
    schemas = [
        [[(column.name, column.sql_type, column.is_nullable) for column in table.columns] for table in tables]
        for tables in (named, pseudonymous)
    ]
    assert schemas[0] == schemas[1]


@pytest.mark.parametrize(
    ("people", "min_group_size", "shown"),
    [
        ([5, 9], 5, [5, 9]),
        ([5, 9], 6, [None, None]),
        ([2, 3, 9], 5, [None, None, 9]),  # the suppressed groups have exactly five people together
        ([2, 2, 9], 5, [None, None, None]),
        ([0, 5], 5, [0, 5]),
    ],
)
def test_a_group_of_exactly_the_least_size_is_shown_beside_suppressed_groups_of_that_size(
    people: list[int], min_group_size: int, shown: list[int | None]
) -> None:
    reasons = [f"r{number}" for number in range(len(people))]
    groups = pl.DataFrame({"organization_id": 1, "reason": reasons, "people": people})
    own = {
        "organization_id": 1,
        "reason": [reason for reason, size in zip(reasons, people, strict=True) for _ in range(size)],
        "person": [number + 100 * row for row, size in enumerate(people) for number in range(size)],
        "people": [1] * sum(people),
    }
    suppressed = suppress_small_groups(
        "absence_by_reason", groups, pl.DataFrame(own), NO_DAYS, min_group_size
    )
    assert suppressed["people"].to_list() == shown


@pytest.mark.parametrize(
    ("sick", "min_group_size", "shown"), [(3, 3, 3), (2, 3, None), (7, 3, 7), (8, 3, None), (10, 3, 10)]
)
def test_a_part_is_shown_if_it_and_the_rest_have_exactly_the_least_size(
    sick: int, min_group_size: int, shown: int | None
) -> None:
    day = date(2026, 3, 2)
    groups = pl.DataFrame(
        {"organization_id": 1, "date_on": day, "people_absent": [10], "people_sick": [sick]}
    )
    people = pl.DataFrame(
        {
            "organization_id": 1,
            "date_on": day,
            "person": range(10),
            "people_absent": 1,
            "people_sick": [int(person < sick) for person in range(10)],
        }
    )
    suppressed = suppress_small_groups("absence_by_day", groups, people, NO_DAYS, min_group_size)
    assert suppressed["people_sick"].to_list() == [shown]


def test_a_pseudonym_is_the_first_49_bits_of_a_keyed_hash() -> None:
    digest = hmac.new(KEY, b"person 1 2", hashlib.sha256).digest()
    assert pseudonym_of(1, 2, KEY) == int.from_bytes(digest, "big") >> (256 - 49)
    assert len({pseudonym_of(1, 2, KEY), pseudonym_of(2, 2, KEY), pseudonym_of(1, 2, b"x" * 32)}) == 3
    people = [(organization, user) for organization in (1, 12) for user in (*range(1, 2000), 21, 2)]
    frame = pl.DataFrame(sorted(set(people)), schema=["organization_id", "user_id"], orient="row")
    assigned = assign_pseudonyms(frame, KEY)["pseudonym"]
    assert assigned.n_unique() == frame.height
    assert 0 <= assigned.min() <= assigned.max() < MOST_EXACT  # type: ignore[operator]


def test_a_pseudonym_of_the_former_63_bits_shifted_by_14_is_the_present_one() -> None:
    former = int.from_bytes(hmac.digest(KEY, b"person 1 2", "sha256")[:8], "big") >> 1
    assert former >> 14 == pseudonym_of(1, 2, KEY)


def test_a_pseudonym_that_two_people_would_share_is_an_error_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transforms.privacy._BITS", 4)
    people = pl.DataFrame({"organization_id": [1] * 17, "user_id": range(17)})
    with pytest.raises(TransformError, match="OOO_PSEUDONYM_KEY"):
        assign_pseudonyms(people, KEY)
