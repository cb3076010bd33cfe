"""A pseudonymous publication identifies no person: ids are replaced, texts are empty, and older files are removed."""

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from zipfile import ZipFile

import duckdb
import polars as pl
import pytest

from calcom.simulator import Simulator, World, serve
from calcom.strategy import Strategy
from flows.report.export import Format, write_rows
from flows.report.queries import NAMED, Dates, run_named, run_sql
from flows.report.render import render
from flows.run import stages
from flows.run.progress import SilentListener
from flows.run.summary import RunSummary
from flows.settings import Settings, load_settings
from flows.settings.errors import ConfigurationError
from tests.support.remains import find_remains
from transforms.privacy import pseudonym_of

KEY = "a-secret-of-at-least-32-characters"
PSEUDONYMOUS = {"OOO_PSEUDONYMISE": "true", "OOO_PSEUDONYM_KEY": KEY}


def sync(settings: Settings) -> RunSummary:
    return stages.sync(settings, strategy=Strategy.ORG_WIDE, listener=SilentListener())


def test_no_published_file_names_a_person_and_every_join_still_works(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    world, without_teams = (
        World.generate(people=12, years=1),
        {"OOO_TEAMS": "false"},
    )  # names of teams are kept
    with serve(Simulator(world, limits=None)) as server:
        named = sync(settings_for(server.url, OOO_DATA_DIR=tmp_path / "named", **without_teams))
        settings = settings_for(server.url, **without_teams)
        sync(settings)
        sync(settings_for(server.url, **without_teams, **PSEUDONYMOUS))
        pseudonymous = sync(settings_for(server.url, **without_teams, **PSEUDONYMOUS))
    names = [text for user in world.users() for text in (user["email"], user["name"], user["username"])]
    remains = find_remains(settings.data_dir, *names)
    assert {line.partition(":")[0].partition("/")[0] for line in remains} == {"landing", "warehouse.duckdb"}
    generations = list((settings.data_dir / "exports" / "generations").iterdir())
    assert len(generations) == 2  # the one that named people is gone
    ids = {user["id"]: pseudonym_of(1, user["id"], KEY.encode()) for user in world.users()}
    published = sorted(named.parquet_folder.glob("*.parquet"))
    assert {path.stem for path in published} == named.published.keys()
    for path in published:
        if path.stem in ("runs", "audits"):  # they describe other runs
            continue
        expected, published_rows = (
            pl.read_parquet(path),
            pl.read_parquet(pseudonymous.parquet_folder / path.name),
        )
        assert published_rows.schema == expected.schema
        people = [name for name in expected.columns if name.endswith("user_id")]
        hidden = ("email", "name", "username", "time_zone", "locale", "created_at")
        texts = [name for name in hidden if name in expected.columns]
        kept = [
            name for name in expected.columns if name not in texts and not name.endswith(("_at", "_from"))
        ]
        expected = expected.with_columns(pl.col(people).replace_strict(ids, return_dtype=pl.Int64))
        assert published_rows.select(kept).sort(kept).equals(expected.select(kept).sort(kept)), path.stem
        assert all(published_rows[name].null_count() == published_rows.height for name in texts)
    year, known_at = Dates(date(2026, 1, 1), date(2026, 12, 31)), datetime(2026, 6, 1)  # noqa: DTZ001 - UTC
    queries = [query.name for query in NAMED.values() if query.switch is None]
    for name in [name for name in queries if not name.endswith("_by_team")]:  # no team is published
        run_named(pseudonymous.database, name, year, known_at)
    digits = {float(f"{pseudonym:.15g}") for pseudonym in ids.values()}
    for name, numbers in read_in_every_format(pseudonymous.database, tmp_path).items():
        assert numbers == digits, name
    assert all(float(f"{pseudonym:.15g}") == pseudonym for pseudonym in ids.values())
    with duckdb.connect(str(pseudonymous.database), read_only=True) as connection:
        ordered = connection.execute("SELECT user_id FROM dim_people").fetchall()
    assert ordered == sorted(ordered)  # the order of the rows does not reveal the order of the ids


def read_in_every_format(database: Path, folder: Path) -> dict[str, set[float]]:
    """Return the ids of people in an export per format, as numbers of double precision: those of JavaScript and jq."""
    people = run_sql(database, "SELECT user_id FROM dim_people")
    for output in (Format.CSV, Format.XLSX):
        write_rows(people, folder / f"people.{output}", output)
    with ZipFile(folder / "people.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    return {
        "csv": {float(line) for line in (folder / "people.csv").read_text("utf-8-sig").splitlines()[1:]},
        "json": {float(value) for value in re.findall(r"\d+", render(people, "json"))},
        "xlsx": {float(value) for value in re.findall(r'<c r="A\d+"[^>t]*><v>(\d+)</v>', sheet)},
    }


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"OOO_PSEUDONYMISE": "true"}, "OOO_PSEUDONYM_KEY is not set"),
        ({"OOO_PSEUDONYMISE": "true", "OOO_PSEUDONYM_KEY": "not-a-long-key"}, "OOO_PSEUDONYM_KEY"),
        (PSEUDONYMOUS | {"OOO_NOTES": "publish"}, "notes name people"),
    ],
)
def test_a_setting_that_would_name_people_is_refused_without_quoting_the_key(
    overrides: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message) as refusal:
        load_settings(**overrides)
    assert "not-a-long-key" not in str(refusal.value)
    assert KEY not in str(refusal.value)
