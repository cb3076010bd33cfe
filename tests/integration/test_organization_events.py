"""The freshness alarm of Prefect counts each organization by itself."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.prefect_server import PrefectServer, until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

_REPORT = """
import json, sys
from prefect.events.worker import EventsWorker
from flows.orchestration.events import report_organizations

report_organizations({int(own): "run" for own in sys.argv[1:]})
EventsWorker.drain_all()
"""


def test_an_organization_that_is_no_longer_read_raises_the_alarm_while_others_are_read(
    prefect: PrefectServer, tmp_path: Path
) -> None:
    (alarm,) = (
        automation
        for automation in yaml.safe_load((ROOT / "automations.yaml").read_text())["automations"]
        if automation["name"] == "an organization was not read for 26 hours"
    )
    alarm["trigger"]["within"] = 30
    created = prefect.post("/automations/", **alarm)

    def report(*organization_ids: int) -> None:
        command = [sys.executable, "-c", _REPORT, *map(str, organization_ids)]
        subprocess.run(command, cwd=tmp_path, env=prefect.environment | {"PYTHONPATH": str(ROOT)}, check=True)

    def alarms() -> list[Any]:
        report(1)
        events = prefect.post(
            "/events/filter", filter={"event": {"name": ["prefect.automation.triggered"]}}, limit=50
        )["events"]
        return [
            event["payload"]["triggering_labels"]["prefect.resource.id"]
            for event in events
            if event["resource"]["prefect.resource.id"] == f"prefect.automation.{created['id']}"
        ]

    report(1, 2)
    heard = until(alarms, seconds=240, what="the alarm about organization 2")
    assert set(heard) == {"ooo.organization.2"}
    prefect.patch(f"/automations/{created['id']}", enabled=False)
