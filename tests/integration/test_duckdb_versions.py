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

VERSIONS = sorted({OLDEST, "1.1.3", "1.2.2", "1.3.2", "1.4.4", "1.5.5", "2.0.0"})


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    done = run_ooo("demo", "--people", "40", "--quiet", cwd=folder, OOO_TEAMS="true", OOO_BRADFORD="true")
    assert done.returncode == 0, done.stderr
    return folder / "data" / "demo" / "ooo.duckdb"


@pytest.fixture(scope="module")
def expected(database: Path) -> dict[str, Any]:
    results = query_everything(database, duckdb.__version__)
    assert results["macros"]
    assert [name for name, result in results.items() if isinstance(result, str)] == []
    return results


@pytest.mark.parametrize("version", VERSIONS)
def test_tables_comments_and_macros_are_the_same_in_version(
    version: str, database: Path, expected: dict[str, Any]
) -> None:
    results = query_everything(database, version)
    assert results.keys() == expected.keys()
    for name, result in results.items():
        assert result == expected[name], name
