"""A publication that names nobody: pseudonyms that join, no text that tells, and no older files that do."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from calcom.simulator import Simulator, World, serve
from calcom.strategy import Strategy
from flows.report.queries import NAMED, Dates, run_named
from flows.run import stages as pipeline
from flows.run.progress import SilentListener
from flows.run.summary import RunSummary
from flows.settings import Settings, load_settings
from flows.settings.errors import ConfigurationError
from tests.support.remains import find_remains
from transforms.privacy import pseudonym_of

KEY = "a-secret-of-at-least-32-characters"
PSEUDONYMOUS = {"OOO_PSEUDONYMISE": "true", "OOO_PSEUDONYM_KEY": KEY}


def _sync(settings: Settings) -> RunSummary:
    return pipeline.sync(settings, strategy=Strategy.ORG_WIDE, listener=SilentListener())


def test_nobody_is_named_in_anything_published_and_every_join_holds(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    world = World.generate(people=12, years=1)
    with serve(Simulator(world, limits=None)) as server:
        named = _sync(settings_for(server.url, OOO_DATA_DIR=tmp_path / "named"))
        settings = settings_for(server.url)
        _sync(settings)
        _sync(settings_for(server.url, **PSEUDONYMOUS))
        shown = _sync(settings_for(server.url, **PSEUDONYMOUS))
    names = [text for user in world.users() for text in (user["email"], user["name"], user["username"])]
    places = {line.partition(":")[0].partition("/")[0] for line in find_remains(settings.data_dir, *names)}
    assert places == {"landing", "warehouse.duckdb"}
    generations = list((settings.data_dir / "exports" / "generations").iterdir())
    assert len(generations) == 2  # the one that named people is gone
    ids = {user["id"]: pseudonym_of(1, user["id"], KEY.encode()) for user in world.users()}
    published = sorted(named.parquet_folder.glob("*.parquet"))
    assert {path.stem for path in published} == named.published.keys()
    for path in published:
        if path.stem in ("runs", "audits"):  # of other runs
            continue
        expected, found = pl.read_parquet(path), pl.read_parquet(shown.parquet_folder / path.name)
        assert found.schema == expected.schema
        people = [one for one in expected.columns if one.endswith("user_id")]
        texts = [one for one in ("email", "name", "username") if one in expected.columns]
        kept = [one for one in expected.columns if one not in texts and not one.endswith(("_at", "_from"))]
        expected = expected.with_columns(pl.col(people).replace_strict(ids, return_dtype=pl.Int64))
        assert found.select(kept).sort(kept).equals(expected.select(kept).sort(kept)), path.stem
        assert all(found[one].null_count() == found.height for one in texts)
    year, known_at = Dates(date(2026, 1, 1), date(2026, 12, 31)), datetime(2026, 6, 1)  # noqa: DTZ001 - UTC
    for name in [one.name for one in NAMED.values() if one.switch is None]:
        run_named(shown.database, name, year, known_at)
    with duckdb.connect(str(shown.database), read_only=True) as connection:
        ordered = connection.execute("SELECT user_id FROM dim_people").fetchall()
    assert ordered == sorted(ordered)  # not in the order of the ids


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"OOO_PSEUDONYMISE": "true"}, "OOO_PSEUDONYM_KEY is not set"),
        ({"OOO_PSEUDONYMISE": "true", "OOO_PSEUDONYM_KEY": "tell-nobody"}, "OOO_PSEUDONYM_KEY"),
        (PSEUDONYMOUS | {"OOO_NOTES": "publish"}, "notes name people"),
    ],
)
def test_a_setting_that_would_name_people_is_refused_and_no_key_is_told(
    overrides: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=told) as refusal:
        load_settings(**overrides)
    assert "tell-nobody" not in str(refusal.value)
    assert KEY not in str(refusal.value)
