"""Every column says whether it tells who someone is; pseudonyms are keyed, stable and all different."""

import hashlib
import hmac

import polars as pl
import pytest

from flows.run.publication import published_tables
from transforms import schema, staged
from transforms.errors import TransformError
from transforms.pseudonyms import assign_pseudonyms, pseudonym_of
from transforms.table import Personal, Table
from warehouse.tables import personal_columns

KEY = b"k" * 32
TABLES = [value for value in (vars(schema) | vars(staged)).values() if isinstance(value, Table)]
IMPERSONAL = {
    *("entry_uuid", "reason", "reason_raw", "change", "label"),
    *("time_zone", "locale"),
    *("calendar", "work_week", "country", "subdivision", "holidays_version", "holiday_name", "rules"),
    *("staged_teams.name", "dim_teams.name", "slug", "role"),
    *("audit", "severity", "promise"),
    *("run_id", "strategy", "outcome", "record_kind", "problem"),
}
"""Texts that name nobody. A new one that may: `personal=Personal.TEXT` where it is declared; else here."""


def test_published_and_staged_tables_are_looked_at() -> None:
    assert {*schema.PUBLISHED, staged.STAGED_PEOPLE, staged.STAGED_REJECTS} <= {*TABLES}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_that_tells_who_someone_is_says_so(table: Table) -> None:
    for column in table.columns:
        where = f"{table.name}.{column.name}: state `personal` where it is declared, or see IMPERSONAL here"
        if column.dtype == pl.String:
            is_impersonal = bool({column.name, f"{table.name}.{column.name}"} & IMPERSONAL)
            assert (column.personal is Personal.TEXT) != is_impersonal, where
        else:
            names_someone = column.name == "user_id" or column.name.endswith("_user_id")
            assert column.personal is (Personal.ID if names_someone else None), where


def test_what_nothing_can_stand_for_may_be_null_and_ids_have_their_organization_beside_them() -> None:
    for table in published_tables(publishes_notes=True, pseudonymises=True):
        names = {column.name for column in table.columns}
        for column in table.columns:
            assert column.is_nullable or table.shown_as(column) != "null", f"{table.name}.{column.name}"
            assert "organization_id" in names or table.shown_as(column) != "pseudonym", table.name


def test_a_pseudonymous_publication_shows_no_personal_column_and_has_the_same_schema() -> None:
    named, pseudonymous = (
        published_tables(publishes_notes=False, pseudonymises=pseudonymises)
        for pseudonymises in (False, True)
    )
    assert personal_columns(pseudonymous) == []
    assert {"dim_people.email", "fct_ooo_entries.covering_user_id", "runs.error"} <= set(
        personal_columns(named)
    )
    for one, other in zip(named, pseudonymous, strict=True):
        facts = [[(c.name, c.sql_type, c.is_nullable) for c in table.columns] for table in (one, other)]
        assert facts[0] == facts[1]


def test_a_pseudonym_is_the_first_63_bits_of_a_keyed_hash() -> None:
    digest = hmac.new(KEY, b"person 1 2", hashlib.sha256).digest()
    assert pseudonym_of(1, 2, KEY) == int.from_bytes(digest, "big") >> 193
    assert len({pseudonym_of(1, 2, KEY), pseudonym_of(2, 2, KEY), pseudonym_of(1, 2, b"x" * 32)}) == 3
    people = [(organization, user) for organization in (1, 12) for user in (*range(1, 2000), 21, 2)]
    frame = pl.DataFrame(sorted(set(people)), schema=["organization_id", "user_id"], orient="row")
    assigned = assign_pseudonyms(frame, KEY)["pseudonym"]
    assert assigned.n_unique() == frame.height
    assert 0 <= assigned.min() <= assigned.max() < 2**63  # type: ignore[operator]


def test_people_who_would_share_a_pseudonym_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.pseudonyms._BITS", 4)
    people = pl.DataFrame({"organization_id": [1] * 17, "user_id": range(17)})
    with pytest.raises(TransformError, match="OOO_PSEUDONYM_KEY"):
        assign_pseudonyms(people, KEY)
