"""The browser, and the data of the tests: a synced organization, and a small warehouse of three nights."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.browser import open_browser
from tests.support.program import run_ooo


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Provide a browser for one module: Playwright runs an event loop, which tests of other modules cannot share."""
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the pictures: OOO_TEST_PICTURES, or a temporary folder."""
    chosen = os.environ.get("OOO_TEST_PICTURES")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide the data folder of an invented organization, after a sync by the real program."""
    folder = tmp_path_factory.mktemp("report")
    world = World.generate(people=60, years=3)
    members = [user["id"] for user in world.users()][::3]
    (folder / "calendars.toml").write_text(
        'default = "berlin"\n[calendars.berlin]\ncountry = "DE"\nsubdivision = "BE"\n'
        '[calendars.dubai]\nwork_week = ["mon", "tue", "sun"]\n'
        f'[groups.gulf]\ncalendar = "dubai"\nmembers = {members}\n'
    )
    with serve(Simulator(world, limits=None)) as server:
        done = run_ooo(
            "sync",
            "--quiet",
            cwd=folder,
            CALCOM_API_URL=server.url,
            CALCOM_API_KEY=OWNER_KEY,
            OOO_CALENDARS="calendars.toml",
            OOO_TEAMS="true",
            OOO_ORG_NAME="Acme",
        )
    assert done.returncode == 0, done.stderr
    return folder / "data"


@pytest.fixture(scope="session")
def away_url(data_dir: Path) -> str:
    return (data_dir / "reports" / "out-of-office.html").as_uri()


@pytest.fixture(scope="session")
def report_url(data_dir: Path) -> str:
    return (data_dir / "reports" / "absence-report.html").as_uri()
