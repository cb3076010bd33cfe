"""The Prefect flow of maintenance: the same as `ooo maintain`."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from calcom.errors import ExitCode, OooError
from flows.orchestration.artifacts import show_summary
from flows.orchestration.blocks import load_flow_settings
from flows.orchestration.logs import log_summary
from flows.orchestration.tasks import TASK_LIMIT_SECONDS, end_with, fail_with, name_run
from flows.orchestration.turns import take_turn
from flows.run.maintenance import maintain as run_maintenance
from flows.settings import Settings


@flow(
    name="maintain",
    flow_run_name=name_run,
    timeout_seconds=TASK_LIMIT_SECONDS,
    persist_result=False,
    log_prints=False,
)
def maintain() -> State[dict[str, Any]]:
    """Remove old landings, complete pending purges, and compact the warehouse file. No row changes."""
    try:
        settings = load_flow_settings()
        return take_turn(settings, lambda: _maintain(settings))
    except OooError as error:
        return fail_with(error, title="Maintenance")


def _maintain(settings: Settings) -> State[dict[str, Any]]:
    done = run_maintenance(settings)
    log_summary(ExitCode.DONE, done.as_text())
    show_summary("Maintenance", "done", done.as_json())
    return end_with(ExitCode.DONE, done.as_text(), done.as_json())
