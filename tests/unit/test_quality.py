"""Test the collection of records that fail validation."""

from datetime import date

import pytest

from tests.support.readings import Absence, Reject
from tests.support.warehouse import landed_entries, landed_users
from transforms.quality import collect_rejects
from transforms.staged import STAGED_REJECTS


def test_a_rejected_entry_keeps_its_page_id_person_problem_and_text() -> None:
    good = Absence(1, 1, date(2026, 3, 2), date(2026, 3, 2))
    rejects = (Reject("entry", 2, 5), Reject("entry", None, None, page=3))
    actual = collect_rejects(landed_entries((good,), rejects), organization_id=7, record_kind="entry")
    assert actual.schema == STAGED_REJECTS.polars_schema
    assert actual.select("page", "record_kind", "record_id", "user_id", "problem", "raw").rows() == [
        (1, "entry", 2, 5, "start_invalid", "{}"),
        (3, "entry", None, None, "start_invalid", "{}"),
    ]


def test_a_rejected_user_belongs_to_that_user() -> None:
    actual = collect_rejects(
        landed_users((1,), (Reject("user", 2, None),)), organization_id=7, record_kind="user"
    )
    assert actual.select("record_id", "user_id").rows() == [(2, 2)]


@pytest.mark.parametrize("kind", ["entry", "user"])
def test_without_rejects_the_frame_is_empty_and_has_every_column(kind: str) -> None:
    frame = landed_entries(()) if kind == "entry" else landed_users(())
    actual = collect_rejects(frame, organization_id=7, record_kind=kind)
    assert (actual.height, actual.schema) == (0, STAGED_REJECTS.polars_schema)
