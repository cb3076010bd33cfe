"""The mutants of a file: one fault each, none in comments, texts or annotations."""

import ast
from pathlib import Path

import pytest

from tests.mutation.mutants import make_mutants

ROOT = Path(__file__).parents[2]


def changes(path: str, text: str) -> set[str]:
    """Return the changed line of each mutant."""
    return {mutant.after for mutant in make_mutants(path, text)}


@pytest.mark.parametrize(
    ("line", "mutants"),
    [
        ("x = a <= b", {"x = a < b"}),
        ("x = a + 1", {"x = a - 1", "x = a + (1 + 1)"}),
        ("x = not a and b", {"x = a and b", "x = not a or b"}),
        ("x = a is not None", {"x = a is None"}),
        ("x = a not in b", {"x = a in b"}),
        ("x = min(a, b)", {"x = max(a, b)"}),
        ("x = True", {"x = False"}),
        ("x: int | None = a", set()),
        ("x = 'a < b + 1'  # a < b", set()),
        ("x = 2**63", {"x = (2 + 1)**63", "x = 2**(63 + 1)"}),
    ],
)
def test_python_gets_one_fault_per_mutant(line: str, mutants: set[str]) -> None:
    assert changes("a.py", line + "\n") == mutants


@pytest.mark.parametrize(
    ("line", "mutants"),
    [
        ("SELECT a FROM t WHERE b <= c", {"SELECT a FROM t WHERE b < c"}),
        ("WHERE b = 'x = 1' -- b = 1", {"WHERE b <> 'x = 1' -- b = 1"}),
        (
            "max(a) OVER (ROWS BETWEEN UNBOUNDED PRECEDING",
            {
                "min(a) OVER (ROWS BETWEEN UNBOUNDED PRECEDING",
                "max(a) OVER (ROWS BETWEEN 1 PRECEDING",
            },
        ),
        ("WHERE a IS NOT NULL", {"WHERE a IS NULL"}),
        ("ORDER BY a DESC", {"ORDER BY a"}),
        ("SELECT '2026-01-01'", set()),
        ("LEFT JOIN t USING (a)", {"JOIN t USING (a)"}),
    ],
)
def test_sql_gets_one_fault_per_mutant(line: str, mutants: set[str]) -> None:
    assert changes("a.sql", line + "\n") == mutants


def test_every_python_mutant_of_the_core_can_be_compiled() -> None:
    for path in (
        "calcom/paging.py",
        "calcom/list_checks.py",
        "transforms/days.py",
        "warehouse/load/guards.py",
    ):
        text = (ROOT / path).read_text(encoding="utf-8")
        mutants = make_mutants(path, text)
        assert len(mutants) > 10
        for mutant in mutants:
            ast.parse(mutant.text)
            assert mutant.text != text
