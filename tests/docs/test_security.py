"""The page on security names a test for each threat, and these tests exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| threat", "| ---"))
]
DEFINED = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(
        r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
}


def test_each_threat_has_an_effect_and_a_test_that_exists() -> None:
    assert len(ROWS) > 40
    for threat, effect, test in ROWS:
        assert threat.endswith(".")
        assert effect
        name = re.fullmatch(r"`(test_\w+)`", test.strip())
        assert name, f"{threat}: expected one test in backticks, found {test}"
        assert name[1] in DEFINED, f"{threat}: no test is named {name[1]}"
