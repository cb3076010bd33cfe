"""Numbers in messages and outputs agree with their nouns."""

import re
from pathlib import Path

import pytest

from calcom.wording import count_of

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for package in ("calcom", "landing", "transforms", "warehouse", "flows")
    for path in sorted((ROOT / package).rglob("*.py"))
]
NOUNS = (
    "changes differences entries landings organizations people records requests retries scopes tables teams users"
    " warnings"
)
BESIDE_A_NUMBER = re.compile(
    rf"\{{(?:len\(|self\.|run\.|rows\[|record\.)[^}}]*\}} (?:{'|'.join(NOUNS.split())})\b"
)


@pytest.mark.parametrize(
    ("number", "forms", "expected"),
    [
        (0, ("warning",), "0 warnings"),
        (1, ("warning",), "1 warning"),
        (2467, ("row",), "2,467 rows"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("person", "people"), "2 people"),
    ],
)
def test_a_noun_agrees_with_its_number(number: int, forms: tuple[str, ...], expected: str) -> None:
    assert count_of(number, *forms) == expected


def test_no_message_has_a_plural_beside_a_number_that_can_be_1() -> None:
    assert BESIDE_A_NUMBER.search('f"{len(audits):,} warnings"')
    plurals = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in SOURCES
        if "simulator" not in path.parts
        for match in BESIDE_A_NUMBER.finditer(path.read_text(encoding="utf-8"))
    }
    assert not plurals
