"""Query a database with other versions of DuckDB, each in its own folder and its own process."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ooo-duckdb-versions"

SCRIPT = """
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
results = {"version": duckdb.__version__}

def query(name, sql, values=()):
    try:
        rows = connection.execute(sql, list(values)).fetchall()
    except Exception as error:
        results[name] = f"{type(error).__name__}: {error}"
    else:
        results[name] = [[plain(value) for value in row] for row in rows]

query("tables", "SELECT table_name, comment FROM duckdb_tables() ORDER BY table_name")
query("views", "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY view_name")
query(
    "comments of macros",
    "SELECT schema_name, function_name, comment FROM duckdb_functions() WHERE function_type = 'table_macro'"
    " AND NOT internal ORDER BY ALL",
)
query(
    "columns",
    "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns()"
    " WHERE NOT internal ORDER BY table_name, column_index",
)
macros = connection.execute(
    "SELECT function_name, parameters FROM duckdb_functions() WHERE function_type = 'table_macro'"
    " AND schema_name = 'main' AND NOT internal ORDER BY function_name"
).fetchall()
results["macros"] = [name for name, _ in macros]
for name, _ in results["tables"] + results["views"]:
    query(f"rows of {name}", f"FROM {name} ORDER BY ALL")

def call(label, prefix=""):
    for name, parameters in macros:
        values = [ARGUMENTS[parameter] for parameter in parameters if parameter in ARGUMENTS]  # others have defaults
        query(f"{label} {name}", f"FROM {prefix}{name}({', '.join('?' * len(values))})", values)

call("result of")
connection.close()
connection = duckdb.connect()
connection.execute(f"ATTACH '{sys.argv[1]}' AS ooo (READ_ONLY)")
call("result of attached", "ooo.attached.")
connection.close()
connection = duckdb.connect()
connection.execute(f"ATTACH '{sys.argv[1]}' AS copied (READ_ONLY)")
for name, _ in results["views"]:
    query(f"rows of copied.{name}", f"FROM copied.{name} ORDER BY ALL")
connection.execute("SET search_path = 'memory,copied'")
call("result after search_path of")
for name, _ in results["views"]:
    query(f"rows after search_path of {name}", f"FROM {name} ORDER BY ALL")
connection.execute("CREATE TABLE own_table (number INTEGER)")
query("own tables", "SELECT database_name FROM duckdb_tables() WHERE table_name = 'own_table'")
print(json.dumps(results))
"""
"""Read everything that the database has through its own catalogue, so that later additions are covered.

Read the database as the opened file first, and then attached to an empty database.
"""


def query_everything(database: Path, version: str) -> dict[str, Any]:
    """Return all tables, comments and macro results of `database`, read with that version of DuckDB."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT, str(database)],  # -S: no package of this environment
        env={"PYTHONPATH": str(_install(version)), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads(done.stdout)
    assert results.pop("version") == version
    return results


def _install(version: str) -> Path:
    """Return the folder with that version of DuckDB alone; download it if it does not exist."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = CACHE / f"python{python}-duckdb{version}"
    if not folder.exists():
        installer = CACHE / f"python{python}-installer"
        if not (installer / "bin" / "pip").exists():
            venv.create(installer, with_pip=True, clear=True)
        temporary = folder.with_name(f"{folder.name}.{os.getpid()}")
        done = subprocess.run(
            [
                *(installer / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps"),
                *("--only-binary=:all:", "--target", temporary, f"duckdb=={version}"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"duckdb {version} could not be downloaded: {done.stderr}"
        temporary.rename(folder)
    return folder
