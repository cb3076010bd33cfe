"""The analyst guide's answers are what the program answers."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from flows.report.queries import NAMED

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "analyst-guide.md").read_text(encoding="utf-8")


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_answers", DOCS / "answers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_answer_is_the_programs(tmp_path: Path) -> None:
    script = _script()
    assert script.answered(GUIDE, script.publish_example(tmp_path)) == GUIDE, "run python docs/answers.py"


def test_it_asks_at_least_twenty_questions_and_answers_each() -> None:
    assert len(re.findall(r"^## \d+\. ", GUIDE, flags=re.MULTILINE)) >= 20
    queries = re.findall(r"```sql\n.*?```\n\n```text\n(.*?)```", GUIDE, flags=re.DOTALL)
    assert len(queries) == len(re.findall(r"```sql", GUIDE))
    assert all("│" in answer for answer in queries)


def test_the_macros_that_it_asks_exist() -> None:
    asked = set(re.findall(r"(?:FROM|JOIN) (\w+)\('", GUIDE))
    assert asked <= set(NAMED)
    assert len(asked) >= 15
