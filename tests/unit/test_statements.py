"""SQL statements: each file is named for its verb, and its header lists its parameters."""

import re
from pathlib import Path

import pytest

WAREHOUSE = Path(__file__).parents[2] / "warehouse"
VERBS = {"check", "create", "delete", "insert", "merge", "select", "update"}
STATEMENTS = sorted(
    path
    for path in WAREHOUSE.rglob("*.sql")
    if path.parent.name not in {"migrations", "macros"}  # numbered files; measures have a header of their own
)


def read_header(text: str) -> dict[str, str]:
    """Return the fields of the comment at the start of a statement."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line[2:].strip())
    parts = re.split(r"(?:^| )(Audit|Purpose|Grain|Parameters|Second run): ", " ".join(lines))
    assert parts[0] == "", "the header begins with a field"
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: str(path.relative_to(WAREHOUSE)))
def test_a_statement_states_its_verb_purpose_grain_parameters_and_second_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header = read_header(text)
    assert path.stem.partition("_")[0] in VERBS
    assert {"Purpose", "Grain", "Second run"} <= header.keys()
    assert ("Audit" in header) == (path.parent.name == "audits")
    assert all(field.endswith(".") for field in header.values())
    used = set(re.findall(r"\$\w+", re.sub(r"--.*", "", text)))
    assert set(re.findall(r"\$\w+", header.get("Parameters", ""))) == used
