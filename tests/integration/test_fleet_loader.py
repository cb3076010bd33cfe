"""Extractions hand their landings and their errors to the one loader of a fleet."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calcom.errors import CalcomError, ExitCode
from calcom.simulator import OWNER_KEY, Fault, Simulator, World, serve
from calcom.strategy import Strategy
from flows.fleet import loader as loading
from flows.fleet.extraction import extract_organization, report_failure
from flows.fleet.loader import open_loader
from flows.fleet.organizations import Organization
from flows.fleet.summary import Outcome
from flows.run.maintenance import maintain
from flows.run.progress import SilentListener
from flows.settings import Settings
from flows.settings.data_folder import warehouse_path
from flows.settings.errors import ClockError
from tests.support.truth import assert_equals_truth

ACME = Organization(name="acme", api_key="env:ACME_KEY")


@pytest.fixture
def world() -> World:
    """Return six people with the entries of one year."""
    return World.generate(people=6, years=1)


@pytest.fixture
def simulator(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Simulator]:
    """Serve the world. The environment has the URL, the key of acme and the data folder."""
    monkeypatch.chdir(tmp_path)
    with serve(Simulator(world, limits=None)) as server:
        environment = {
            "CALCOM_API_URL": server.url,
            "ACME_KEY": OWNER_KEY,
            "OOO_DATA_DIR": str(tmp_path / "data"),
            "OOO_MAX_ATTEMPTS": "1",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield server.simulator


@pytest.fixture
def settings(settings_for: Callable[..., Settings], simulator: Simulator) -> Settings:
    """Return the settings of the loader."""
    del simulator
    return settings_for("https://cal.example")


def extract(organization: Organization = ACME) -> str:
    return extract_organization(organization, read_block=str, listener=SilentListener())


def test_an_extracted_organization_is_loaded_published_and_removed_from_the_store(
    settings: Settings, world: World
) -> None:
    run_id = extract()
    with open_loader(settings, listener=SilentListener()) as loader:
        assert loader.store.list_runs("acme") == [run_id]
        outcome = loader.load("acme")
        summary = loader.publish()
        assert loader.store.list_runs("acme") == []
    assert (outcome.outcome, outcome.run_id, outcome.entries) == ("complete", run_id, world.count_entries())
    assert summary.exit_code == ExitCode.DONE
    assert summary.database is not None
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_the_publication_of_a_fleet_has_the_memory_of_its_entries_or_of_the_setting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB's own default is most of the memory of the machine, which many organizations would use."""
    limits: list[str] = []

    def publish_and_record(connection: duckdb.DuckDBPyConnection, *arguments: Any, **options: Any) -> Any:
        limits.extend(connection.execute("SELECT current_setting('memory_limit')").fetchall()[0])
        return original(connection, *arguments, **options)

    original = loading.publish_tables
    monkeypatch.setattr(loading, "publish_tables", publish_and_record)
    for own in (settings, settings.model_copy(update={"memory_limit": "250MB"})):
        extract()
        with open_loader(own, listener=SilentListener()) as loader:
            loader.load("acme")
            loader.publish()
    assert [text.split(".")[0] for text in limits] == ["98", "238"]  # in MiB


def test_a_landing_in_the_store_is_reused_without_a_request(settings: Settings, simulator: Simulator) -> None:
    first = extract()
    simulator.clear_requests()
    assert extract() == first
    assert simulator.requests == []
    assert settings.data_dir.exists()


def test_a_landing_of_another_strategy_is_not_reused(settings: Settings) -> None:
    first = extract()
    assert extract(ACME.model_copy(update={"strategy": Strategy.PER_USER})) != first
    with open_loader(settings, listener=SilentListener()) as loader:
        assert len(loader.store.list_runs("acme")) == 2


def test_the_exit_code_and_the_error_of_an_extraction_elsewhere_are_those_of_its_outcome(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "cal_wrong")
    with pytest.raises(CalcomError) as error:
        extract()
    report_failure(ACME, error.value)
    with open_loader(settings, listener=SilentListener()) as loader:
        outcome = loader.record_failed_extraction("acme", "the run crashed")
        assert (outcome.outcome, outcome.exit_code) == ("failed", ExitCode.CREDENTIALS)
        assert outcome.error == str(error.value)
        again = loader.record_failed_extraction("acme", "the run crashed")
        assert (again.exit_code, again.error) == (ExitCode.UNAVAILABLE, "the run crashed")


def test_an_extraction_that_failed_resumes_in_the_working_folder_of_its_machine(
    settings: Settings, world: World
) -> None:
    fault = Fault("502_html", path="/organizations/1/ooo", times=1)
    with serve(Simulator(world, limits=None, faults=[fault])) as server:
        organization = ACME.model_copy(update={"api_url": server.url})
        with pytest.raises(CalcomError, match="502"):
            extract(organization)
        working_folder = settings.data_dir / "organizations" / "acme" / "landing"
        assert list(working_folder.glob("*/users-000001.parquet"))
        assert not list(working_folder.glob("*/entries-*.parquet"))
        server.simulator.clear_requests()
        extract(organization)
        assert not any(request.path.endswith("/users") for request in server.simulator.requests)
    assert not list(working_folder.glob("*/*")), "landings hold personal data"


def test_a_load_without_a_landing_fails_that_organization_only(settings: Settings, world: World) -> None:
    extract()
    with open_loader(settings, listener=SilentListener()) as loader:
        missing, loaded = loader.load("globex"), loader.load("acme")
        summary = loader.publish()
    assert (missing.outcome, missing.exit_code) == ("failed", ExitCode.CONFIGURATION)
    assert "no landing of globex" in (missing.error or "")
    assert (loaded.outcome, summary.exit_code) == ("complete", ExitCode.PARTIAL)
    assert summary.published["fct_ooo_entries"] == world.count_entries()


def test_a_snapshot_in_the_future_stops_the_load_of_a_fleet_until_the_clock_is_repaired(
    settings: Settings,
) -> None:
    def load() -> Outcome:
        extract()
        with open_loader(settings, listener=SilentListener()) as loader:
            outcome = loader.load("acme")
            loader.publish()
        return outcome

    assert load().outcome == "complete"
    with duckdb.connect(str(warehouse_path(settings))) as connection:
        for column in ("started_at", "finished_at"):
            connection.execute(f"UPDATE ops.runs SET {column} = {column} + INTERVAL 2 YEAR")
    refused = load()
    assert (refused.outcome, refused.exit_code) == ("failed", ClockError.exit_code)
    assert "--repair-clock" in str(refused.error)
    assert maintain(settings, repairs_clock=True).instants_repaired > 0
    assert load().outcome == "complete"
