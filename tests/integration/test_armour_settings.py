"""Settings that are misspelled, contradictory or unsafe are errors or warnings, never silent."""

from pathlib import Path

import pytest

from flows.settings import load_settings
from flows.settings.errors import ConfigurationError
from flows.settings.proxies import advise_connection, find_proxy
from tests.support.program import run_ooo

KEY = "k" * 32


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("OOO_PSEUDONYMIZED", "OOO_PSEUDONYMISE"),
        ("OOO_NOTE", "OOO_NOTES"),
        ("CALCOM_APIKEY", "CALCOM_API_KEY"),
        ("ooo_data_dirr", "OOO_DATA_DIR"),
    ],
)
@pytest.mark.parametrize("place", ["environment", ".env", ".env with a byte order mark"])
def test_an_unknown_setting_is_refused_with_the_nearest_name(
    name: str, nearest: str, place: str, tmp_path: Path
) -> None:
    environment = {name: "x"} if place == "environment" else {}
    if not environment:
        encoding = "utf-8" if place == ".env" else "utf-8-sig"
        (tmp_path / ".env").write_text(f"{name}=x\n", encoding=encoding)
    refused = run_ooo("status", cwd=tmp_path, **environment)
    assert refused.returncode == 10
    assert f"unknown setting {name}; did you mean {nearest}?" in refused.stderr


def test_variables_that_the_project_reads_elsewhere_are_no_unknown_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CALCOM_API_KEY_ACME", "CALCOM_ACCESS_TOKEN_ACME", "CALCOM_SECRET_KEY_ACME"):
        monkeypatch.setenv(name, "x")
    for name in ("OOO_GIT_REPOSITORY", "OOO_GIT_BRANCH", "OOO_TEST_KILLS", "OOO_HYPOTHESIS_PROFILE"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("OOO_OTHER_VARIABLES", "OOO_MINE, CALCOM_OTHER")
    monkeypatch.setenv("OOO_MINE", "x")
    load_settings(_env_file=None)


def test_a_fleet_accepts_the_variables_that_its_file_refers_to(tmp_path: Path) -> None:
    file = tmp_path / "orgs.toml"
    table = '[organizations.{0}]\napi_url = "http://127.0.0.1:9"\napi_key = "env:CALCOM_KEY_{1}"\n'
    file.write_text(table.format("acme", "ACME") + table.format("globex", "GLOBEX"))
    keys = {"CALCOM_KEY_ACME": "cal_a", "CALCOM_KEY_GLOBEX": "cal_b", "OOO_MAX_ATTEMPTS": "1"}
    done = run_ooo("fleet", "sync", str(file), cwd=tmp_path, **keys)
    assert "unknown setting" not in done.stdout + done.stderr
    assert done.returncode == 12, done.stderr
    assert (
        "CALCOM_KEY_OTHER" in run_ooo("fleet", "sync", str(file), cwd=tmp_path, CALCOM_KEY_OTHER="x").stderr
    )


def test_both_spellings_of_the_pseudonym_switch_work_and_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOO_PSEUDONYM_KEY", KEY)
    monkeypatch.setenv("OOO_PSEUDONYMIZE", "true")
    assert load_settings(_env_file=None).pseudonymises
    monkeypatch.setenv("OOO_PSEUDONYMISE", "false")
    with pytest.raises(ConfigurationError, match="OOO_PSEUDONYMIZE are the same setting"):
        load_settings(_env_file=None)


def test_a_pseudonym_key_without_its_switch_is_a_warning(tmp_path: Path) -> None:
    warned = run_ooo("status", cwd=tmp_path, OOO_PSEUDONYM_KEY=KEY)
    assert "OOO_PSEUDONYMISE is not true" in warned.stderr
    assert KEY not in warned.stderr


@pytest.mark.parametrize(
    "url",
    ["https://api.cal.com?key=hunter2", "https://api.cal.com#hunter2", "https://me:hunter2@api.cal.com"],
)
def test_an_api_url_with_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="CALCOM_API_URL") as refused:
        load_settings(_env_file=None, CALCOM_API_URL=url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("host", ["api.cal.com", "10.0.0.1", "[fd00::1]", "localhost.example.com"])
def test_a_credential_is_never_sent_without_encryption_unless_allowed(host: str) -> None:
    settings = {"_env_file": None, "CALCOM_API_URL": f"http://{host}", "CALCOM_API_KEY": "cal_x"}
    with pytest.raises(ConfigurationError, match="OOO_ALLOW_HTTP"):
        load_settings(**settings)
    load_settings(**settings, OOO_ALLOW_HTTP="true")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "[::1]", "ooo.localhost"])
def test_http_to_this_machine_is_accepted(host: str) -> None:
    load_settings(_env_file=None, CALCOM_API_URL=f"http://{host}:1", CALCOM_API_KEY="cal_x")


@pytest.mark.parametrize("command", ["doctor", "sync"])
def test_an_env_file_that_others_can_read_is_a_warning(command: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("CALCOM_API_URL=http://127.0.0.1:9\nCALCOM_API_KEY=cal_x\nOOO_MAX_ATTEMPTS=1\n")
    for mode, is_warned in ((0o644, True), (0o622, True), (0o600, False)):
        path.chmod(mode)
        done = run_ooo(command, cwd=tmp_path)
        assert ("chmod 600 .env" in done.stdout + done.stderr) == is_warned, oct(mode)


@pytest.mark.parametrize(
    "hosts",
    ["::1", "[::1]", "[::1]:80", "fd00::/8", "10.0.0.0/8", "localhost,127.0.0.1,fd00::/8", "::x:y", "*"],
)
def test_no_form_of_no_proxy_ends_a_command_as_a_defect(hosts: str, tmp_path: Path) -> None:
    settings = {"CALCOM_API_URL": "http://127.0.0.1:9", "CALCOM_API_KEY": "cal_x", "OOO_MAX_ATTEMPTS": "1"}
    for command in ("sync", "doctor"):
        failed = run_ooo(command, cwd=tmp_path, NO_PROXY=hosts, **settings)
        assert failed.returncode == 12, failed.stderr


def test_a_host_in_a_range_of_no_proxy_is_requested_without_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "fd00::/8,10.0.0.0/8")
    load_settings(_env_file=None, CALCOM_API_URL="https://10.1.2.3")
    assert find_proxy("https://10.1.2.3") is None
    assert find_proxy("https://api.cal.com") == "http://proxy.example:3128"


def test_the_error_of_a_dead_proxy_names_the_proxy(tmp_path: Path) -> None:
    failed = run_ooo(
        "sync",
        cwd=tmp_path,
        CALCOM_API_KEY="cal_x",
        OOO_MAX_ATTEMPTS="1",
        HTTPS_PROXY="http://me:hunter2@127.0.0.1:9",
    )
    assert failed.returncode == 12, failed.stderr
    assert "through the proxy http://127.0.0.1:9" in failed.stderr
    assert "hunter2" not in failed.stderr


def test_the_error_of_a_refused_certificate_names_the_variable_of_certificates() -> None:
    cause = (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)"
    )
    assert "SSL_CERT_FILE" in advise_connection("https://api.cal.com", cause)
    assert "SSL_CERT_FILE" not in advise_connection("https://api.cal.com", "connection refused")
