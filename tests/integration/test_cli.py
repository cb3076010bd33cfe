"""The `ooo` command as a user sees it: help, exit codes, messages, and the files that it leaves."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from calcom.errors import ExitCode
from calcom.simulator import EXPIRED_TOKEN, MEMBER_KEY, OWNER_KEY, Simulator, World, serve
from calcom.strategy import Strategy
from flows.cli.demo_commands import simulate
from flows.cli.main import EXIT_CODES
from flows.cli.pipeline_commands import STRATEGIES
from flows.cli.query_commands import EXPORT_FORMATS
from flows.report.export import Format
from tests.support.program import OOO, run_ooo


def _publication(folder: Path) -> dict[str, bytes]:
    data = folder / "data"
    paths = [
        data / "ooo.duckdb",
        data / "exports" / "current.json",
        *(data / "exports" / "current").iterdir(),
    ]
    return {str(path): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def organization() -> World:
    return World.generate(people=5)


def test_without_a_credential_the_message_names_the_variables(tmp_path: Path) -> None:
    refused = run_ooo("sync", cwd=tmp_path)
    assert refused.returncode == 10
    for name in ("CALCOM_API_KEY", "CALCOM_ACCESS_TOKEN", "CALCOM_CLIENT_ID", "CALCOM_SECRET_KEY"):
        assert name in refused.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"CALCOM_API_KEY": "cal_x", "CALCOM_ACCESS_TOKEN": "y"}, "exactly one credential"),
        ({"CALCOM_CLIENT_ID": "x"}, "CALCOM_SECRET_KEY"),
        ({"CALCOM_API_KEY": "cal_x", "CALCOM_ORG_ID": "seven"}, "CALCOM_ORG_ID"),
        ({"CALCOM_API_KEY": "cal_x", "CALCOM_API_URL": "api.cal.com"}, "CALCOM_API_URL"),
        ({"CALCOM_API_KEY": "cal_x", "CALCOM_API_URL": "http://localhost:abc"}, "CALCOM_API_URL"),
        ({"CALCOM_API_KEY": "cal_x", "OOO_NOTES": "some"}, "OOO_NOTES"),
        ({"CALCOM_API_KEY": "cal_x", "OOO_DATA_DIR": "a[b]"}, "OOO_DATA_DIR"),
        ({"CALCOM_API_KEY": "cal_x", "OOO_MEMORY_LIMIT": "banana"}, "OOO_MEMORY_LIMIT"),
        ({"CALCOM_API_KEY": "cal_x", "OOO_RESUME_HOURS": "inf"}, "OOO_RESUME_HOURS"),
        ({"CALCOM_API_KEY": "cal_x", "HTTP_PROXY": "http://:no"}, "HTTP_PROXY"),
    ],
)
def test_the_message_names_a_wrong_setting(environment: dict[str, str], named: str, tmp_path: Path) -> None:
    refused = run_ooo("sync", cwd=tmp_path, **environment)
    assert refused.returncode == 10
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_message_names_an_env_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("CALCOM_API_KEY=cal_ü".encode("latin-1"))
    refused = run_ooo("sync", cwd=tmp_path)
    assert refused.returncode == 10
    assert ".env" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_failed_sync_leaves_the_last_publication_unchanged(organization: World, tmp_path: Path) -> None:
    with serve(Simulator(organization, limits=None)) as server:
        assert (
            run_ooo("sync", cwd=tmp_path, CALCOM_API_URL=server.url, CALCOM_API_KEY=OWNER_KEY).returncode == 0
        )
        before = _publication(tmp_path)
        common = {"CALCOM_API_URL": server.url, "OOO_MAX_ATTEMPTS": "1"}
        cases = {
            "wrong key": (11, common | {"CALCOM_API_KEY": "cal_wrong"}),
            "expired token": (11, common | {"CALCOM_ACCESS_TOKEN": EXPIRED_TOKEN}),
            "key of a member": (11, common | {"CALCOM_API_KEY": MEMBER_KEY}),
            "other organization": (11, common | {"CALCOM_API_KEY": OWNER_KEY, "CALCOM_ORG_ID": "99"}),
            "unreachable": (
                12,
                common | {"CALCOM_API_KEY": OWNER_KEY, "CALCOM_API_URL": "http://127.0.0.1:9"},
            ),
            "not Cal.com": (
                13,
                common | {"CALCOM_API_KEY": OWNER_KEY, "CALCOM_API_URL": f"{server.url}/nope"},
            ),
        }
        for name, (code, environment) in cases.items():
            failed = run_ooo("sync", cwd=tmp_path, **environment)
            assert failed.returncode == code, (name, failed.stderr)
            assert "Traceback" not in failed.stderr, name
            assert failed.stderr.splitlines()[-1].startswith("error: "), name
            assert "cal_wrong" not in failed.stderr
            assert EXPIRED_TOKEN not in failed.stderr
        assert "organization 99" in run_ooo("sync", cwd=tmp_path, **cases["other organization"][1]).stderr
    assert _publication(tmp_path) == before
    assert not list((tmp_path / "data").rglob("*.tmp"))
    assert not list((tmp_path / "data").rglob(".next-*"))


def test_sync_with_json_prints_the_run_summary_as_one_object(organization: World, tmp_path: Path) -> None:
    with serve(Simulator(organization, limits=None)) as server:
        done = run_ooo(
            "sync", "--json", "--quiet", cwd=tmp_path, CALCOM_API_URL=server.url, CALCOM_API_KEY=OWNER_KEY
        )
        failed = run_ooo("sync", "--json", cwd=tmp_path, CALCOM_API_URL=server.url, CALCOM_API_KEY="cal_no")
    summary = json.loads(done.stdout)
    assert (summary["outcome"], summary["exit_code"], done.stderr) == ("complete", 0, "")
    assert summary["rows"]["in"] == len(organization.entries())
    assert summary["audits"]["made"] > 20
    assert summary["audits"]["failed"] == []
    assert {warning["audit"] for warning in summary["audits"]["warnings"]} <= {"dates_follow_the_day_rule"}
    assert json.loads(failed.stdout)["exit_code"] == failed.returncode == 11


def test_plan_status_and_query_print_the_figures_of_the_organization(
    organization: World, tmp_path: Path
) -> None:
    with serve(Simulator(organization)) as server:
        environment = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        unknown = run_ooo("plan", cwd=tmp_path, **environment)
        run_ooo("sync", cwd=tmp_path, **environment)
        plan = run_ooo("plan", cwd=tmp_path, **environment)
    status = run_ooo("status", cwd=tmp_path)
    named = run_ooo(
        "query",
        "absence_by_reason",
        "--from",
        "2024-01-01",
        "--to",
        "2026-12-31",
        "--output",
        "json",
        cwd=tmp_path,
    )
    free = run_ooo("query", "SELECT count(*) AS n FROM fct_ooo_entries", "--output", "csv", cwd=tmp_path)
    wrong = run_ooo("query", "absence_by_mood", cwd=tmp_path)
    assert "never synchronised" in unknown.stdout
    assert "limit 120 requests in 60 s" in plan.stdout
    assert f"{len(organization.entries()):,} entries" in plan.stdout
    assert "(0 stale)" in status.stdout
    assert "made, 0 failed, " in status.stdout
    assert {row["reason"] for row in json.loads(named.stdout)} <= {
        "public_holiday",
        "sick",
        "vacation",
        "travel",
        "custom",
        "unspecified",
    }
    assert free.stdout.split() == ["n", str(len(organization.entries()))]
    assert (wrong.returncode, "absence_by_day" in wrong.stderr) == (2, True)


def test_the_demo_ends_in_a_publication_and_a_second_sync_without_changes(tmp_path: Path) -> None:
    demo = run_ooo("demo", "--people", "30", cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    assert "changes    0:" in demo.stdout
    assert "absence_by_reason" in demo.stdout
    assert (tmp_path / "data" / "demo" / "ooo.duckdb").exists()


def test_a_usage_error_exits_with_2_and_help_with_0(tmp_path: Path) -> None:
    assert run_ooo("sync", "--strategy", "psychic", cwd=tmp_path).returncode == 2
    assert run_ooo("--help", cwd=tmp_path).returncode == 0
    assert run_ooo("nonsense", cwd=tmp_path).returncode == 2


def test_no_line_of_the_list_of_commands_is_cut_on_a_terminal_of_80_columns(tmp_path: Path) -> None:
    for arguments in (("--help",), ("fleet", "--help")):
        shown = run_ooo(*arguments, cwd=tmp_path, COLUMNS="80").stdout.splitlines()
        commands = shown[shown.index("Commands:") + 1 :]
        assert commands
        for line in commands:
            assert not line.endswith(("...", "…")), line
            assert len(line) <= 80, line


def test_the_help_lists_every_exit_code_with_its_meaning(tmp_path: Path) -> None:
    assert set(EXIT_CODES) == set(ExitCode)
    shown = run_ooo("--help", cwd=tmp_path).stdout
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"^ +{int(code)}  {re.escape(meaning)}$", shown, flags=re.MULTILINE), code


def test_the_choices_of_options_are_the_values_of_their_enumerations() -> None:
    assert list(STRATEGIES) == [strategy.value for strategy in Strategy]
    assert list(EXPORT_FORMATS) == [export_format.value for export_format in Format]


@pytest.mark.parametrize(
    ("key", "stop", "code"), [(None, signal.SIGINT, 0), ("cal_another", signal.SIGTERM, 143)]
)
def test_simulate_accepts_its_key_until_a_signal(
    key: str | None, stop: signal.Signals, code: int, tmp_path: Path
) -> None:
    """The key is that of the command's example, or that of the option. Ctrl-C is the usual end of the server."""
    assert f"CALCOM_API_KEY={OWNER_KEY} " in (simulate.help or "")
    option = [] if key is None else ["--api-key", key]
    command = [str(OOO), "simulate", "--port", "0", "--people", "2", *option]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        settings = dict(word.split("=", 1) for word in server.stdout.readline().split() if "=" in word)
        planned = run_ooo("plan", cwd=tmp_path, **settings)
        server.send_signal(stop)
    assert server.returncode == code
    assert settings["CALCOM_API_KEY"] == (key or OWNER_KEY)
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize(
    ("stop", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_sync_that_a_signal_ends_exits_with_the_code_of_the_signal(
    stop: signal.Signals, code: int, organization: World, tmp_path: Path
) -> None:
    """The code is 128 plus the number of the signal, as a shell reports a process that a signal ended."""
    with serve(Simulator(organization, limits=None, latency_seconds=1.0)) as server:
        environment = {"PATH": os.environ["PATH"], "CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        with subprocess.Popen(
            [str(OOO), "sync"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        ) as sync:
            assert sync.stderr is not None
            assert "people: organization" in sync.stderr.readline()
            sync.send_signal(stop)
            message = sync.stderr.read()
    assert sync.returncode == code
    assert "Traceback" not in message
    assert "the pages that were read are kept" in message
