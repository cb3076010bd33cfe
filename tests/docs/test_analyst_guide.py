"""Compare the results in the analyst guide with the output of the program."""

import importlib.util
import re
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from flows.report.queries import NAMED, run_sql
from tests.support.readings import Absence
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all

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


def test_the_comparison_of_two_years_keeps_organizations_apart_and_reasons_of_one_year(
    tmp_path: Path,
) -> None:
    with new_warehouse() as connection:
        for organization_id, year, reason in ((7, 2025, "sick"), (8, 2026, "sick"), (8, 2026, "vacation")):
            number = 10 * organization_id + (reason == "vacation")
            absences = [Absence(number, 1, date(year, 3, 2), date(year, 3, 3), reason=reason)]
            if reason == "vacation":
                absences.append(Absence(number - 1, 1, date(year, 4, 1), date(year, 4, 1), reason="sick"))
            at = night(number)
            load(connection, read_all(tuple(absences), at=at, organization_id=organization_id, users=(1,)))
        database = audit_and_publish(connection, tmp_path).database
    query = re.search(r"## 8\. .*?```sql\n(.*?)```", GUIDE, flags=re.DOTALL)
    assert query is not None
    assert run_sql(database, query[1]).rows() == [
        (7, "Sick leave", 2, 0, -2),
        (8, "Sick leave", 0, 1, 1),
        (8, "Vacation", 0, 2, 2),
    ]
    for guide_query in re.findall(r"```sql\n(.*?)```", GUIDE, flags=re.DOTALL):
        if not re.search(r"_by_team|bradford", guide_query):
            run_sql(database, guide_query)
