"""The Prefect flow of one organization: the same run as `ooo sync`, with a task for each stage and batch."""

from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from calcom.errors import OooError
from calcom.strategy import Strategy
from flows.orchestration.artifacts import show_run, showing_progress
from flows.orchestration.blocks import load_flow_settings
from flows.orchestration.tasks import end_with, fail_with, stages_as_tasks
from flows.run.stages import sync as run_sync


@flow(name="sync", persist_result=False, log_prints=False)
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
    logger = get_run_logger()
    try:
        settings = load_flow_settings(credential_block)
        with showing_progress(logger.info, key="sync-progress") as listener:
            summary = run_sync(
                settings,
                strategy=strategy,
                listener=listener,
                allows_mass_delete=allow_mass_delete,
                stages=stages_as_tasks(settings.retry_seconds),
            )
    except OooError as error:
        return fail_with(error)
    logger.info("%s", summary.as_text())
    show_run(summary)
    return end_with(summary.exit_code, summary.headline, summary.as_json())
