"""The Prefect flow of one organization: the same run as `ooo sync`, with a task for each stage and batch."""

from typing import Any

import prefect.runtime
from prefect import flow
from prefect.client.schemas.objects import State

from calcom.errors import OooError
from calcom.strategy import Strategy
from flows.orchestration.artifacts import show_run, showing_progress
from flows.orchestration.blocks import load_flow_settings
from flows.orchestration.logs import listen_in_flow, log_summary, open_run_logger
from flows.orchestration.tasks import RUN_LIMIT_SECONDS, end_with, fail_with, name_run, stages_as_tasks
from flows.orchestration.turns import take_turn
from flows.run.stages import sync as run_sync
from flows.settings import Settings


def _name() -> str:
    strategy = Strategy(prefect.runtime.flow_run.parameters.get("strategy", Strategy.AUTO))
    return name_run(f"strategy {strategy.value}")


@flow(
    name="sync",
    flow_run_name=_name,
    timeout_seconds=RUN_LIMIT_SECONDS,
    persist_result=False,
    log_prints=False,
)
def sync(
    strategy: Strategy = Strategy.AUTO,
    allow_mass_delete: bool = False,  # noqa: FBT001, FBT002 - the deployment's parameters
    credential_block: str | None = None,
) -> State[dict[str, Any]]:
    """Read the organization, load the records that are proved, and publish the tables.

    Settings come from the worker's environment. A partial run ends as `Partial` and names the missing scopes. A run
    that a guard stopped, or that failed, ends as `Failed` with the message of `ooo sync`.

    Args:
        strategy: The way in which entries are read. auto reads org-wide, or per user if org-wide is refused; both
            reads twice and compares.
        allow_mass_delete: Load even if the run would delete most entries. For one run, after a check.
        credential_block: The Secret block that holds the credential. If it is empty, the worker's environment
            has to hold the credential.

    """
    try:
        settings = load_flow_settings(credential_block)
        return take_turn(settings, lambda: _sync(settings, strategy, allows_mass_delete=allow_mass_delete))
    except OooError as error:
        return fail_with(error, title="Sync")


def _sync(settings: Settings, strategy: Strategy, *, allows_mass_delete: bool) -> State[dict[str, Any]]:
    with showing_progress(open_run_logger().info, key="sync-progress") as listener:
        summary = run_sync(
            settings,
            strategy=strategy,
            listener=listen_in_flow(listener, settings),
            allows_mass_delete=allows_mass_delete,
            stages=stages_as_tasks(settings.retry_seconds),
        )
    log_summary(summary.exit_code, summary.as_text())
    show_run(summary, settings)
    return end_with(summary.exit_code, summary.headline, summary.as_json())
