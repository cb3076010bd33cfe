"""An asset of Dagster that syncs every night: `ooo` is installed in an environment of its own on the same machine."""

import json
import os
import subprocess

import dagster

PARTIAL = 17
"""The exit code of a run that published all proved rows, and lacks some scopes."""


@dagster.asset(
    group_name="calcom", description="The published out-of-office tables, in ooo.duckdb and Parquet."
)
def out_of_office(context: dagster.AssetExecutionContext) -> dagster.MaterializeResult:
    """Run `ooo sync` and record its counts. Fail with its message if nothing was published."""
    environment = os.environ | {"OOO_DATA_DIR": "/var/lib/ooo"}
    command = ["/opt/ooo/bin/ooo", "sync", "--quiet", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode not in (0, PARTIAL):
        raise dagster.Failure(f"exit code {done.returncode}: {done.stderr}")
    summary = json.loads(done.stdout)
    if done.returncode == PARTIAL:
        context.log.warning("partial: %s", summary["problems"])
    return dagster.MaterializeResult(metadata={"outcome": summary["outcome"], **summary["rows"]})


nightly = dagster.ScheduleDefinition(
    name="nightly_out_of_office", target=[out_of_office], cron_schedule="15 2 * * *", execution_timezone="UTC"
)
definitions = dagster.Definitions(assets=[out_of_office], schedules=[nightly])
