"""Test the normalisation of entries at its edges; tests/spec has its rules."""

import pytest

from landing.segments import ENTRY_SCHEMA
from tests.support.readings import Reject
from tests.support.warehouse import landed, landed_entries
from transforms.entries import normalise_entries
from transforms.errors import TransformError
from transforms.staged import STAGED_ENTRIES

GOOD = {
    "page": 4,
    "id": 2**40,
    "uuid": "u",
    "user_id": 1,
    "to_user_id": 2,
    "start": "2026-03-02T00:00:00.000Z",
    "end": "2026-03-02T23:59:59.999Z",
    "has_notes": False,
}


def test_without_entries_the_frame_is_empty_and_has_every_column() -> None:
    entries = normalise_entries(landed_entries(()), organization_id=7)
    assert (entries.height, entries.schema) == (0, STAGED_ENTRIES.polars_schema)


def test_rejected_records_are_left_out_of_the_entries() -> None:
    rejects = (Reject("entry", 1, 1), Reject("entry", None, None))
    assert normalise_entries(landed_entries((), rejects), organization_id=7).is_empty()


def test_ids_page_cover_and_organization_are_kept() -> None:
    (entry,) = normalise_entries(landed([GOOD], ENTRY_SCHEMA), organization_id=7).to_dicts()
    actual = (entry["organization_id"], entry["entry_id"], entry["page"], entry["covering_user_id"])
    assert actual == (7, 2**40, 4, 2)


@pytest.mark.parametrize("start", ["2023-02-30T00:00:00.000Z", "soon", ""])
def test_a_text_that_is_not_an_instant_is_a_transform_error_that_names_the_organization(start: str) -> None:
    with pytest.raises(TransformError, match="organization 7"):
        normalise_entries(landed([GOOD | {"start": start}], ENTRY_SCHEMA), organization_id=7)
