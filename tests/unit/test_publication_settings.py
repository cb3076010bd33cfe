"""The settings of publication: what can't work is refused by name, and no credential is shown."""

import importlib.util
import os
from pathlib import Path

import pytest

from flows.settings import load_settings
from flows.settings.errors import ConfigurationError
from landing.errors import ObjectStoreError
from warehouse.publish.generation import Layout
from warehouse.publish.publication import PublicationPolicy


def test_settings_become_the_policy_of_publication() -> None:
    settings = load_settings(
        _env_file=None,
        OOO_LAYOUT="partitioned",
        OOO_PUBLISH_URL="s3://bucket/prefix/",
        OOO_DELTA="true",
        OOO_KEEP_GENERATIONS="2",
        OOO_NOTES="drop",
    )
    assert settings.publication() == PublicationPolicy(
        layout=Layout.PARTITIONED, keep_generations=2, has_delta=True, url="s3://bucket/prefix", notes="drop"
    )
    assert load_settings(_env_file=None).publication() == PublicationPolicy()


@pytest.mark.parametrize(
    "url",
    ["bucket", "/data/bucket", "ftp://host/x", "s3://", "s3://key:hunter2@bucket/x", "az://c/p?sig=hunter2"],
)
def test_what_is_no_url_to_publish_to_is_a_configuration_error_without_its_secret(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"OOO_PUBLISH_URL.*expected a URL such as s3://") as raised:
        load_settings(_env_file=None, OOO_PUBLISH_URL=url)
    assert "hunter2" not in str(raised.value)


def test_delta_without_its_extra_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"OOO_DELTA.*install calcom-ooo-warehouse\[delta\]"):
        load_settings(_env_file=None, OOO_DELTA="true")
    assert not load_settings(_env_file=None, OOO_DELTA="false").has_delta


def test_storage_credentials_in_env_files_reach_the_libraries_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.env"
    path.write_text("AWS_ACCESS_KEY_ID=file\nAWS_REGION=file\nSOMETHING_ELSE=file\n", encoding="utf-8")
    monkeypatch.setattr(os, "environ", os.environ.copy() | {"AWS_REGION": "environment"})
    os.environ.pop("AWS_ACCESS_KEY_ID", None)
    load_settings(_env_file=path)
    assert os.environ["AWS_ACCESS_KEY_ID"] == "file"
    assert os.environ["AWS_REGION"] == "environment"
    assert "SOMETHING_ELSE" not in os.environ


def test_a_store_that_fails_ends_with_the_warehouses_exit_code() -> None:
    assert ObjectStoreError("refused").exit_code == 15
