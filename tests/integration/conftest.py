"""Fixtures: settings with a data folder per test, an S3 bucket per test, and one Prefect server per session."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings
from tests.support.buckets import create_bucket, environment_for, running_s3
from tests.support.prefect_server import PrefectServer, clone_project, serve_prefect


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    """Return a function that builds settings for a URL, with the simulator's owner key and the test's data folder."""

    def build(url: str, **overrides: Any) -> Settings:
        variables = {
            "CALCOM_API_URL": url,
            "CALCOM_API_KEY": "cal_simulator_owner",
            "OOO_DATA_DIR": tmp_path / "data",
        }
        return Settings(_env_file=None, **(variables | overrides))

    return build


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Run one S3 server for the session, and return its URL."""
    with running_s3() as endpoint:
        yield endpoint


@pytest.fixture
def bucket_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a folder in an empty bucket, and set the credentials in the environment."""
    for name, value in environment_for(s3_endpoint).items():
        monkeypatch.setenv(name, value)
    bucket = f"test-{uuid.uuid4()}"
    create_bucket(s3_endpoint, bucket)
    return f"s3://{bucket}/warehouse"


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """Run the one Prefect server of the session."""
    with serve_prefect(tmp_path_factory.mktemp("prefect")) as server:
        yield server


@pytest.fixture(scope="session")
def deployed(prefect: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> PrefectServer:
    """Return the server after `prefect deploy --all` in a clean clone, from which the workers run the flows."""
    clone = clone_project(tmp_path_factory.mktemp("clone") / "project")
    prefect.run("deploy", "--all", cwd=clone)
    return prefect
