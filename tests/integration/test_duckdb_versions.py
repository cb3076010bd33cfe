"""The published database opens in older DuckDB versions, and macros return the same rows there."""

import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.program import run_ooo
from tests.support.versions import query_everything

pytestmark = pytest.mark.slow

OLDEST = "1.0.0" if sys.version_info < (3, 13) else "1.1.3"
"""There is no DuckDB 1.0 for Python 3.13."""

WITHOUT_ATTACHED_VIEWS = {"1.0.0", "1.1.3"}
"""They look for the tables of a view of an attached database in the current database, as for those of a macro."""

VERSIONS = sorted({OLDEST, "1.1.3", "1.2.2", "1.3.2", "1.4.4", "1.5.5", "2.0.0"})


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    for people in ("20", "40"):  # the second publication copies the declarations of the first one
        done = run_ooo(
            "demo", "--people", people, "--quiet", cwd=folder, OOO_TEAMS="true", OOO_BRADFORD="true"
        )
        assert done.returncode == 0, done.stderr
    return folder / "data" / "demo" / "ooo.duckdb"


@pytest.fixture(scope="module")
def expected(database: Path) -> dict[str, Any]:
    results = query_everything(database, duckdb.__version__)
    assert results["macros"]
    assert results["views"]
    assert [name for name, result in results.items() if isinstance(result, str)] == []
    for name, _ in results["views"]:
        assert results[f"rows of copied.{name}"] == results[f"rows of {name}"]
        assert results[f"rows after search_path of {name}"] == results[f"rows of {name}"]
    for name in results["macros"]:
        assert results[f"result of attached {name}"] == results[f"result of {name}"]
        assert results[f"result after search_path of {name}"] == results[f"result of {name}"]
    assert results["own tables"] == [["memory"]]
    return results


@pytest.mark.parametrize("version", VERSIONS)
def test_tables_views_comments_and_macros_are_the_same_in_version(
    version: str, database: Path, expected: dict[str, Any]
) -> None:
    results = query_everything(database, version)
    assert results.keys() == expected.keys()
    for name, result in results.items():
        if version in WITHOUT_ATTACHED_VIEWS and name.startswith("rows of copied."):
            assert "does not exist" in result
        else:
            assert result == expected[name], name


def test_every_view_and_macro_and_every_column_of_a_view_has_a_comment(expected: dict[str, Any]) -> None:
    comments = [comment for *_, comment in expected["views"] + expected["comments of macros"]]
    views = {name for name, _ in expected["views"]}
    comments += [comment for table, *_, comment in expected["columns"] if table in views]
    assert "None" not in comments
    assert all("Formula: " in comment for *_, comment in expected["comments of macros"])
