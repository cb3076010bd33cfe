"""Run the code and the statements of the BI guide on a publication."""

import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests.support.program import run_ooo
from transforms.schema import PUBLISHED

GUIDE = Path(__file__).parents[2] / "docs" / "bi-guide.md"


TEXT = GUIDE.read_text(encoding="utf-8")


def _blocks(language: str, section: str = "") -> list[str]:
    """Return the code blocks of a section of the guide, or of all sections."""
    text = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0] if section else TEXT
    indented = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in indented]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide a folder in which `data/` is a data folder with teams."""
    folder = tmp_path_factory.mktemp("guide")
    demo = run_ooo("demo", "--quiet", "--people", "5", cwd=folder, OOO_TEAMS="true")
    assert demo.returncode == 0, demo.stderr
    (folder / "data" / "data").symlink_to("demo")
    return folder / "data"


@pytest.mark.slow
def test_the_code_for_one_generation_reads_tables_that_match(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    blocks = _blocks("python", "All tables from the same instant")
    assert blocks
    names: dict[str, pl.DataFrame] = {}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)  # noqa: S102 - the code of the guide
    assert not names["entries"].is_empty()
    assert names["entries"].join(names["people"], on=["organization_id", "user_id"], how="anti").is_empty()


@pytest.mark.slow
def test_the_code_for_the_meaning_of_a_column_returns_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (block,) = _blocks("python", "The meaning of columns")
    names: dict[str, str] = {}
    exec(compile(block, str(GUIDE), "exec"), names)  # noqa: S102 - the code of the guide
    assert names["meaning"].startswith("The reason that counts")


@pytest.mark.slow
def test_every_statement_for_attached_databases_works(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    opened, attach, attached, search_path, use, views = _blocks("sql", "Attached databases")
    shutil.copyfile("data/ooo.duckdb", "renamed.duckdb")
    with duckdb.connect("renamed.duckdb", read_only=True) as connection:
        expected = connection.execute(opened).fetchall()
        assert expected
    for block in (attached, search_path, use, views):
        with duckdb.connect() as connection:
            connection.execute(attach)
            for statement in duckdb.extract_statements(block):
                rows = connection.execute(statement).fetchall()
            with pytest.raises(duckdb.CatalogException, match="does not exist"):
                connection.execute("USE memory; FROM ooo.absence_by_reason('2026-01-01', '2026-12-31')")
            if block in {search_path, use}:
                assert rows == expected


@pytest.mark.slow
def test_every_relation_of_the_guide_holds(folder: Path) -> None:
    rows = re.findall(r"^\| `(\w+) \(([\w, ]+)\)` \| `(\w+) \(([\w, ]+)\)` \|$", TEXT, flags=re.MULTILINE)
    assert len(rows) >= 15
    keys = {table.name: table.key for table in PUBLISHED}
    with duckdb.connect(folder / "demo" / "ooo.duckdb", read_only=True) as connection:
        for table, columns, other, other_columns in rows:
            assert tuple(other_columns.split(", ")) == keys[other]
            joined = " AND ".join(
                f"o.{theirs} = t.{ours}"
                for ours, theirs in zip(columns.split(", "), other_columns.split(", "), strict=True)
            )
            query = f"SELECT count(*), count(o.{keys[other][-1]}) FROM {table} AS t LEFT JOIN {other} AS o ON {joined}"
            last = columns.split(", ")[-1]
            count, matched = connection.execute(f"{query} WHERE t.{last} IS NOT NULL").fetchall()[0]
            assert count == matched, (table, columns)
            assert count or table == "dim_team_members", table


@pytest.mark.slow
def test_the_lines_for_a_program_that_stays_open_read_the_next_publication(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()

    def publish(number: int) -> None:
        """Replace the published database by one whose runs have this number."""
        shutil.copyfile(folder / "demo" / "ooo.duckdb", "data/temporary")
        with duckdb.connect("data/temporary") as connection:
            connection.execute("UPDATE runs SET run_id = $number::VARCHAR", {"number": number})
        Path("data/temporary").replace("data/ooo.duckdb")

    new_connection, new_engine = _blocks("python", "A program that stays open")
    (attach_again,) = _blocks("sql", "A program that stays open")
    query = "SELECT DISTINCT run_id FROM runs"

    def run(block: str) -> dict[str, Any]:
        names: dict[str, Any] = {"duckdb": duckdb, "create_engine": create_engine, "NullPool": NullPool}
        exec(compile(block, str(GUIDE), "exec"), names)  # noqa: S102 - the code of the guide
        return names

    publish(1)
    engine = run(new_engine)["engine"]
    with engine.connect() as connection:
        assert connection.execute(text(query)).scalar() == "1"
    with run(new_connection)["connection"] as kept:
        publish(2)
        with engine.connect() as connection:
            assert connection.execute(text(query)).scalar() == "2"
        assert kept.execute(query).fetchall() == [("1",)]
        with run(new_connection)["connection"] as connection:
            assert connection.execute(query).fetchall() == [("2",)]
        kept.execute(f"USE memory; {attach_again}")
        assert kept.execute("SELECT DISTINCT run_id FROM ooo.runs").fetchall() == [("2",)]
    with duckdb.connect("data/ooo.duckdb", read_only=True) as kept:
        publish(3)
        with duckdb.connect("data/ooo.duckdb", read_only=True) as shared:
            assert shared.execute(query).fetchall() == [("2",)]
        with run(new_connection)["connection"] as connection:
            assert connection.execute(query).fetchall() == [("3",)]
