"""Compare the results in the analyst guide with the output of the program, and check them for two organizations."""

import importlib.util
import re
from collections import Counter
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from flows.report.queries import NAMED, run_sql
from tests.support.readings import Absence, Calendar, Membership, Policy, Reading, Team, TeamReading
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


QUESTIONS = re.findall(r"^## (\d+)\. [^\n]*\n.*?```sql\n(.*?)```", GUIDE, flags=re.DOTALL | re.MULTILINE)
OF_VIEWS = [(int(number), query) for number, query in QUESTIONS if int(number) >= 24]
BERLIN = Policy({"berlin": Calendar(country="DE", subdivision="BE")}, default="berlin")


def _read_organization(organization_id: int, number: int) -> Reading:
    """Return a reading of an organization with two teams; the ids of people, entries and teams are the same in both."""
    absences = [
        Absence(1, 1, date(2026, 12, 7), date(2026, 12, 8 + number), reason="vacation", cover=3),
        Absence(2, 2, date(2026, 12, 7), date(2026, 12, 7 + organization_id), reason="vacation", cover=3),
        Absence(3, 4, date(2026, 10, 5), date(2026, 10, 5 + organization_id), reason="sick"),
        Absence(4, 4, date(2026, 9, organization_id), date(2026, 9, organization_id), reason="sick"),
        Absence(5, 3, date(2026, 5, 15), date(2026, 5, 15), reason="vacation", cover=1),
        Absence(6, 5, date(2026, 9, 4), date(2026, 9, 4), reason="sick"),
        Absence(7, 5, date(2025, 10, 6), date(2025, 10, 3 + organization_id), reason="vacation"),
        Absence(10, 6, date(2026, 12, 14), date(2026, 12, 10 + organization_id), reason="vacation"),
        Absence(8, 1, date(2026, 1, 2), date(2026, 1, 2), reason="travel"),
    ]
    if number > 1:  # this entry is made later, so that its lead time is known
        absences.append(Absence(9, 3, date(2026, 6, 1), date(2026, 6, organization_id), reason="vacation"))
    memberships = [
        Membership(team_id * 10 + user_id, team_id, user_id)
        for team_id, user_ids in {11: (1, 2, 3), 12: (4, 5, 6), 13: (6,)}.items()
        for user_id in user_ids
    ]
    return read_all(
        tuple(absences),
        at=night(160 * number + organization_id),
        organization_id=organization_id,
        users=(1, 2, 3, 4, 5, 6),
        policy=BERLIN,
        teams=TeamReading(
            teams=(Team(11, "Design"), Team(12, "Sales"), Team(13, "Sales")),
            memberships=tuple(memberships),
            list_verdict="complete",
            verdicts={11: "complete", 12: "complete", 13: "complete"},
        ),
    )


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Publish organization 7, organization 8, and both of them together."""
    paths = []
    for organization_ids in ((7,), (8,), (7, 8)):
        with new_warehouse() as connection:
            for number in (1, 2):
                for organization_id in organization_ids:
                    load(connection, _read_organization(organization_id, number))
            paths.append(audit_and_publish(connection, tmp_path_factory.mktemp("published")).database)
    return paths


def test_the_guide_has_the_seventeen_questions_in_at_most_five_lines_of_sql() -> None:
    assert [number for number, _ in OF_VIEWS] == list(range(24, 41))
    for number, query in OF_VIEWS:
        assert len(query.splitlines()) <= 5, number


@pytest.mark.parametrize(("number", "query"), OF_VIEWS, ids=[str(number) for number, _ in OF_VIEWS])
def test_an_answer_for_two_organizations_is_the_answers_for_each(
    number: int, query: str, databases: list[Path]
) -> None:
    whole = re.sub(r" LIMIT \d+$", "", query, flags=re.MULTILINE)
    first, second, both = (run_sql(database, whole).rows() for database in databases)
    assert first, number
    assert first != second
    assert Counter(both) == Counter(first + second)
