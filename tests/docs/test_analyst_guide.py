"""Compare the results in the analyst guide with the output of the program."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from flows.report.queries import NAMED

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "analyst-guide.md").read_text(encoding="utf-8")


def _load_answers_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_answers", DOCS / "answers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_result_in_the_guide_equals_the_output_of_the_program(tmp_path: Path) -> None:
    script = _load_answers_script()
    expected = script.answered(GUIDE, script.publish_example(tmp_path))
    assert expected == GUIDE, "run python docs/answers.py"


def test_the_guide_has_at_least_twenty_questions_and_a_result_below_every_query() -> None:
    assert len(re.findall(r"^## \d+\. ", GUIDE, flags=re.MULTILINE)) >= 20
    results = re.findall(r"```sql\n.*?```\n\n```text\n(.*?)```", GUIDE, flags=re.DOTALL)
    assert len(results) == len(re.findall(r"```sql", GUIDE))
    assert all("│" in result for result in results)


def test_every_macro_in_the_guide_exists() -> None:
    macros = set(re.findall(r"(?:FROM|JOIN) (\w+)\('", GUIDE))
    assert macros <= set(NAMED)
    assert len(macros) >= 15
