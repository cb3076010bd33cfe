"""A sync of recorded responses of Cal.com publishes exactly the recorded entries and people."""

from collections.abc import Callable
from pathlib import Path

import pytest

from calcom.strategy import Strategy
from flows.run import stages
from flows.run.progress import SilentListener
from flows.settings import Settings
from tests.support.program import run_ooo
from tests.support.recordings import load_truth, load_users
from tests.support.replay import MEMBER_KEY, OWNER_KEY, serve_recordings
from tests.support.truth import assert_equals_truth


@pytest.mark.parametrize("strategy", ["org-wide", "per-user"])
def test_the_published_rows_equal_the_recorded_ones(
    strategy: str, settings_for: Callable[..., Settings]
) -> None:
    with serve_recordings() as (url, targets):
        settings = settings_for(url, CALCOM_API_KEY=OWNER_KEY, CALCOM_ORG_ID=1)
        summary = stages.sync(settings, strategy=Strategy(strategy), listener=SilentListener())
    assert (summary.outcome, summary.exit_code) == ("complete", 0)
    assert summary.rows["in"] == summary.rows["inserted"] == 6165
    assert summary.published["dim_people"] == 420
    assert summary.requests == len(targets)
    assert_equals_truth(summary.database, load_truth(), load_users())


def test_a_second_sync_of_the_same_recordings_changes_nothing(tmp_path: Path) -> None:
    with serve_recordings() as (url, _):
        environment = {"CALCOM_API_URL": url, "CALCOM_API_KEY": OWNER_KEY, "CALCOM_ORG_ID": "1"}
        first = run_ooo("sync", "--strategy", "org-wide", cwd=tmp_path, **environment)
        second = run_ooo("sync", "--strategy", "per-user", cwd=tmp_path, **environment)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "6,165 inserted" in first.stdout
    assert "changes    0:" in second.stdout
    assert_equals_truth(tmp_path / "data" / "ooo.duckdb", load_truth(), load_users())


def test_the_error_of_a_members_key_names_the_organization_and_the_required_role(tmp_path: Path) -> None:
    with serve_recordings() as (url, _):
        refused = run_ooo(
            "sync", cwd=tmp_path, CALCOM_API_URL=url, CALCOM_API_KEY=MEMBER_KEY, CALCOM_ORG_ID="1"
        )
    assert refused.returncode == 11
    assert "organization 1" in refused.stderr
    assert "ORG_ADMIN" in refused.stderr
    assert "Traceback" not in refused.stderr
