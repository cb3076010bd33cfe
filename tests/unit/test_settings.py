"""The settings: their texts, their defaults, their errors, and the objects that are made from them."""

import ast
import importlib.util
import os
import re
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from calcom.connection import Connection
from calcom.credentials import ApiKey
from flows.settings import Settings, load_settings, model
from flows.settings.errors import ConfigurationError
from flows.settings.proxies import has_proxy
from flows.settings.values import Teams
from landing.errors import ObjectStoreError
from warehouse.load.guards import Guards
from warehouse.publish.generation import Layout
from warehouse.publish.publication import PublicationPolicy

ROOT = Path(__file__).parents[2]
SETTINGS = [pytest.param(name, field, id=str(field.alias)) for name, field in Settings.model_fields.items()]
BUILT_FROM_SETTINGS = {"PublicationPolicy": PublicationPolicy, "Guards": Guards, "Connection": Connection}


# Texts


@pytest.mark.parametrize(("name", "field"), SETTINGS)
def test_the_description_of_a_setting_is_made_of_full_sentences(name: str, field: FieldInfo) -> None:
    assert re.fullmatch(r"(CALCOM|OOO)_[A-Z_]+", field.alias or ""), name
    sentences = re.split(r"(?<=\.) (?=[A-Z])", field.description or "")
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z].+[a-z0-9`)…_A-Z]\.", sentence), sentence
        assert len(sentence.split()) >= 3, sentence


@pytest.mark.parametrize(("name", "field"), SETTINGS)
def test_the_description_of_an_optional_setting_says_what_happens_without_it(
    name: str, field: FieldInfo
) -> None:
    if field.default is None:
        assert "If it is not set, " in (field.description or ""), name


@pytest.mark.parametrize(("name", "field"), SETTINGS)
def test_the_description_of_a_switch_says_that_true_turns_it_on(name: str, field: FieldInfo) -> None:
    if isinstance(field.default, bool):
        assert field.default is False, name
        assert (field.description or "").startswith("Set it to true to "), name


@pytest.mark.parametrize(("name", "field"), SETTINGS)
def test_the_description_of_a_choice_names_every_value(name: str, field: FieldInfo) -> None:
    if isinstance(field.default, Enum):
        for choice in type(field.default):
            assert re.search(rf"\b{choice.value}\b", field.description or ""), (name, choice)


@pytest.mark.parametrize(("name", "field"), SETTINGS)
def test_the_bounds_in_a_description_are_the_bounds_that_are_checked(name: str, field: FieldInfo) -> None:
    bounds = {
        key: getattr(item, key) for item in field.metadata for key in ("ge", "le") if hasattr(item, key)
    }
    stated = re.search(r"from (\d+) to (\d+)\b", field.description or "")
    if stated:
        assert {"ge": int(stated[1]), "le": int(stated[2])} == bounds, name
    else:
        assert bounds.keys() != {"ge", "le"} or field.alias == "CALCOM_ORG_ID", name


# Defaults


def _default_expressions() -> dict[str, ast.expr]:
    """Return the expression of each setting's default, by the setting's attribute, from the source of the model."""
    tree = ast.parse(Path(model.__file__).read_text(encoding="utf-8"))
    (declared,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    expressions = {}
    for statement in declared.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.value, ast.Call):
            call = statement.value
            named = [keyword.value for keyword in call.keywords if keyword.arg == "default"]
            assert isinstance(statement.target, ast.Name)
            expressions[statement.target.id] = (call.args or named)[0]
    assert expressions.keys() == Settings.model_fields.keys()
    return expressions


def _settings_behind() -> list[tuple[str, str, str]]:
    """Return each class that is built from settings, with a parameter and the setting that fills it."""
    tree = ast.parse(Path(model.__file__).read_text(encoding="utf-8"))
    return [
        (call.func.id, str(keyword.arg), value.attr)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in BUILT_FROM_SETTINGS
        for keyword in call.keywords
        for value in ast.walk(keyword.value)
        if isinstance(value, ast.Attribute) and value.attr in Settings.model_fields
    ]


@pytest.mark.parametrize(("owner", "parameter", "setting"), _settings_behind())
def test_a_default_that_another_class_declares_is_not_written_again(
    owner: str, parameter: str, setting: str
) -> None:
    (declared,) = (field for field in fields(BUILT_FROM_SETTINGS[owner]) if field.name == parameter)
    if declared.default is not MISSING:
        taken = ast.unparse(_default_expressions()[setting])
        assert f"{owner}.{parameter}" in taken, f"{setting} repeats the default of {owner}.{parameter}"


def test_every_class_that_is_built_from_settings_is_checked_for_repeated_defaults() -> None:
    assert {owner for owner, *_ in _settings_behind()} == set(BUILT_FROM_SETTINGS)
    assert len(_settings_behind()) >= 13


def test_the_default_settings_give_the_default_policies() -> None:
    settings = load_settings(_env_file=None, CALCOM_API_KEY="cal_key")
    assert settings.publication() == PublicationPolicy()
    assert settings.guards(allows_mass_delete=False) == Guards()
    expected = Connection("https://api.cal.com", ApiKey(SecretStr("cal_key")), is_proxied=has_proxy())
    assert settings.connection() == expected


# The environment


def test_only_the_settings_package_reads_the_environment() -> None:
    """`flows/__main__.py` sets a variable of a library, before it imports the library."""
    packages = ("calcom", "landing", "transforms", "warehouse", "flows")
    readers = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\bos\.environ|\bgetenv\b|\bgetproxies\b|\bdotenv\b", path.read_text(encoding="utf-8"))
    }
    assert readers == {"flows/__main__.py", "flows/settings/environment.py", "flows/settings/proxies.py"}
    start = (ROOT / "flows" / "__main__.py").read_text(encoding="utf-8")
    assert re.findall(r"os\.environ\S*", start) == ['os.environ.setdefault("_RJEM_MALLOC_CONF",']


def test_storage_credentials_of_an_env_file_reach_the_libraries_unless_the_environment_has_them(
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


# The publication


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


@pytest.mark.parametrize(
    "url",
    ["bucket", "/data/bucket", "ftp://host/x", "s3://", "s3://key:hunter2@bucket/x", "az://c/p?sig=hunter2"],
)
def test_an_unusable_publish_url_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"OOO_PUBLISH_URL.*expected a URL such as s3://") as raised:
        load_settings(_env_file=None, OOO_PUBLISH_URL=url)
    assert "hunter2" not in str(raised.value)


def test_delta_without_its_extra_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"OOO_DELTA.*install calcom-ooo-warehouse\[delta\]"):
        load_settings(_env_file=None, OOO_DELTA="true")
    assert not load_settings(_env_file=None, OOO_DELTA="false").has_delta


def test_an_object_store_that_fails_ends_with_the_exit_code_of_the_warehouse() -> None:
    assert ObjectStoreError("refused").exit_code == 15


@pytest.mark.parametrize(("configured", "rows"), [("1", 2), ("2", 2), ("249", 249), ("250", 250)])
def test_a_page_has_at_least_two_rows_so_that_pages_can_overlap(configured: str, rows: int) -> None:
    assert load_settings(_env_file=None, OOO_PAGE_SIZE=configured).page_size == rows


@pytest.mark.parametrize("configured", ["0", "251", "-1"])
def test_a_page_size_that_cal_com_refuses_is_an_error(configured: str) -> None:
    with pytest.raises(ConfigurationError, match="OOO_PAGE_SIZE"):
        load_settings(_env_file=None, OOO_PAGE_SIZE=configured)


@pytest.mark.parametrize(
    ("value", "teams"),
    [
        *[(value, Teams.ON) for value in ("true", "1", "yes", "On", True)],
        *[(value, Teams.OFF) for value in ("false", "0", "no", "OFF", False)],
        ("auto", Teams.AUTO),
        (" Auto ", Teams.AUTO),
    ],
)
def test_teams_are_switched_by_every_spelling_of_a_switch_and_by_auto(value: object, teams: Teams) -> None:
    assert Settings(_env_file=None, OOO_TEAMS=value).teams is teams


def test_an_unknown_choice_of_teams_names_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOO_TEAMS", "some")
    with pytest.raises(ConfigurationError, match=r"OOO_TEAMS.*'auto', 'true' or 'false'"):
        load_settings()
