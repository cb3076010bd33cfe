"""Settings for a sync into the test's own folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    """Settings for a server, with the simulator's owner key and the test's own data folder."""

    def build(url: str, **overrides: Any) -> Settings:
        given = {
            "CALCOM_API_URL": url,
            "CALCOM_API_KEY": "cal_simulator_owner",
            "OOO_DATA_DIR": tmp_path / "data",
        }
        return Settings(_env_file=None, **(given | overrides))

    return build
