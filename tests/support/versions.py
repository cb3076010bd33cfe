"""Other versions of DuckDB, each installed into a folder of its own, asked in a process of its own."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ooo-duckdb-versions"

QUESTIONS = """
import datetime, json, sys
import duckdb

ARGUMENTS = {
    "from_date": datetime.date(2025, 10, 1),
    "to_date": datetime.date(2026, 9, 30),
    "as_of_at": datetime.datetime(2100, 1, 1),
}

def plain(value):
    if isinstance(value, float):
        return round(value, 9)
    return value if isinstance(value, int) else str(value)

connection = duckdb.connect(sys.argv[1], read_only=True)
answers = {"version": duckdb.__version__}

def ask(name, query, values=()):
    try:
        rows = connection.execute(query, list(values)).fetchall()
    except Exception as error:
        answers[name] = f"{type(error).__name__}: {error}"
    else:
        answers[name] = [[plain(value) for value in row] for row in rows]

ask("tables", "SELECT table_name, comment FROM duckdb_tables() ORDER BY table_name")
ask("views", "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY view_name")
ask(
    "columns",
    "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns()"
    " WHERE NOT internal ORDER BY table_name, column_index",
)
macros = connection.execute(
    "SELECT function_name, parameters FROM duckdb_functions() WHERE function_type = 'table_macro'"
    " AND schema_name = 'main' AND NOT internal ORDER BY function_name"
).fetchall()
answers["macros"] = [name for name, _ in macros]
for name, _ in answers["tables"] + [[view, None] for view, in answers["views"]]:
    ask(f"rows of {name}", f"FROM {name} ORDER BY ALL")
for name, parameters in macros:
    values = [ARGUMENTS[parameter] for parameter in parameters]
    ask(f"answer of {name}", f"FROM {name}({', '.join('?' * len(values))})", values)
print(json.dumps(answers))
"""
"""Everything that a reader's database has, found through its own catalogue, so what is added later too."""


def ask_everything(database: Path, version: str) -> dict[str, Any]:
    """All tables, comments and macro answers of `database`, as that version of DuckDB gives them."""
    asked = subprocess.run(
        [sys.executable, "-S", "-c", QUESTIONS, str(database)],  # -S: no package of this environment
        env={"PYTHONPATH": str(_install(version)), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    answers: dict[str, Any] = json.loads(asked.stdout)
    assert answers.pop("version") == version
    return answers


def _install(version: str) -> Path:
    """The folder with that version of DuckDB and nothing else, downloaded if it is not there yet."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = CACHE / f"python{python}-duckdb{version}"
    if not folder.exists():
        installer = CACHE / f"python{python}-installer"
        if not (installer / "bin" / "pip").exists():
            venv.create(installer, with_pip=True, clear=True)
        aside = folder.with_name(f"{folder.name}.{os.getpid()}")
        done = subprocess.run(
            [
                *(installer / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps"),
                *("--only-binary=:all:", "--target", aside, f"duckdb=={version}"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"duckdb {version} could not be downloaded: {done.stderr}"
        aside.rename(folder)
    return folder
