"""The starters under `examples/` start on a publication, in environments of their own."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.support.program import run_ooo
from tests.support.versions import CACHE

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
DBT = ("dbt-core<1.11", "dbt-duckdb<1.11", "duckdb<1.6")
"""dbt-core 2 downloads parts of itself when it is installed, so the last version of 1 is tested."""

STREAMLIT = ("streamlit", "duckdb", "pandas")
RUN_APP = """
import sys
from streamlit.testing.v1 import AppTest

app = AppTest.from_file(sys.argv[1], default_timeout=300).run()
assert not app.exception, app.exception
print(app.title[0].value, len(app.dataframe), *app.selectbox[0].options, sep="|")
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starters")
    done = run_ooo("demo", "--people", "40", "--quiet", cwd=folder, OOO_TEAMS="true")
    assert done.returncode == 0, done.stderr
    return folder / "data" / "demo" / "ooo.duckdb"


def _install(name: str, *packages: str) -> Path:
    """Return the programs of an environment with these packages; skip the test if they cannot be installed."""
    folder = CACHE / f"python{sys.version_info.major}.{sys.version_info.minor}-{name}"
    if not (folder / ".complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run(
            [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"{name} can't be installed: {done.stderr[-300:]}")
        (folder / ".complete").touch()
    return folder / "bin"


def _run(*command: str | Path, cwd: Path, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), **variables}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_dbt_project_builds_its_model_and_passes_its_tests(database: Path, tmp_path: Path) -> None:
    programs = _install("dbt", *DBT)
    project = shutil.copytree(EXAMPLES / "dbt", tmp_path / "dbt")
    variables = {
        "OOO_DATABASE": str(database),
        "DBT_PROFILES_DIR": ".",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    assert re.search(r"PASS=9 WARN=0 ERROR=0", _run(programs / "dbt", "build", cwd=project, **variables))
    assert "PASS freshness" in _run(programs / "dbt", "source", "freshness", cwd=project, **variables)
    query = "SELECT count(*) FROM sick_rate_by_month"
    output = _run(programs / "dbt", "show", "--inline", query, cwd=project, **variables)
    assert re.search(r"\|\s+[1-9]\d* \|", output)


def test_the_streamlit_app_starts_and_shows_the_teams(database: Path, tmp_path: Path) -> None:
    programs = _install("streamlit", *STREAMLIT)
    app = EXAMPLES / "streamlit" / "app.py"
    output = _run(programs / "python", "-c", RUN_APP, app, cwd=tmp_path, OOO_DATABASE=str(database))
    title, tables, *teams = output.strip().split("|")
    with duckdb.connect(database, read_only=True) as connection:
        query = "SELECT DISTINCT team FROM team_members ORDER BY team"
        assert teams == [team for (team,) in connection.execute(query).fetchall()]
    assert (title, tables) == ("Out of office", "1")


def test_every_question_for_metabase_returns_rows_or_no_error(database: Path) -> None:
    statements = duckdb.extract_statements((EXAMPLES / "metabase" / "questions.sql").read_text())
    assert len(statements) == 5
    with duckdb.connect(database, read_only=True) as connection:
        counts = [len(connection.execute(statement).fetchall()) for statement in statements]
    assert counts[1]
    assert counts[3]


def test_every_source_and_query_for_evidence_works(database: Path) -> None:
    page = (EXAMPLES / "evidence" / "pages" / "index.md").read_text()
    queries = re.findall(r"^```\w+\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    sources = [path.read_text() for path in (EXAMPLES / "evidence" / "sources" / "ooo").glob("*.sql")]
    assert (len(queries), len(sources)) == (2, 2)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{database}' AS ooo (READ_ONLY)")
        for query in queries:
            connection.execute(query).fetchall()
        connection.execute("USE ooo")
        for source in sources:
            connection.execute(source).fetchall()


def test_the_import_for_superset_refers_to_its_own_parts_and_to_published_columns(database: Path) -> None:
    folder = EXAMPLES / "superset"
    parts: dict[str, Any] = {
        str(path.relative_to(folder)): yaml.safe_load(path.read_text()) for path in folder.rglob("*.yaml")
    }
    uuids = {part["uuid"] for part in parts.values() if "uuid" in part}
    assert len(uuids) == len(parts) - 1  # metadata.yaml has none
    texts = "".join(path.read_text() for path in folder.rglob("*.yaml"))
    assert set(re.findall(r"uuid: ([0-9a-f-]+)", texts)) == uuids
    with duckdb.connect(database, read_only=True) as connection:
        for name, dataset in parts.items():
            if name.startswith("datasets/"):
                columns = [column["column_name"] for column in dataset["columns"]]
                metrics = [metric["expression"] for metric in dataset["metrics"]]
                connection.execute(f"SELECT {', '.join(columns)} FROM {dataset['table_name']}").fetchall()
                connection.execute(f"SELECT {', '.join(metrics)} FROM {dataset['table_name']}").fetchall()
