"""The Prefect flow of maintenance: the same as `ooo maintain`."""

from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State

from calcom.errors import ExitCode, OooError
from flows.orchestration.artifacts import summary_markdown
from flows.orchestration.blocks import load_flow_settings
from flows.orchestration.tasks import end_with, fail_with
from flows.run.maintenance import maintain as run_maintenance


@flow(name="maintain", persist_result=False, log_prints=False)
def maintain() -> State[dict[str, Any]]:
    """Remove old landings, complete pending purges, and compact the warehouse file. No row changes."""
    try:
        done = run_maintenance(load_flow_settings())
    except OooError as error:
        return fail_with(error)
    get_run_logger().info("%s", done.as_text())
    create_markdown_artifact(summary_markdown("Maintenance", done.as_json()), key="maintenance")
    return end_with(ExitCode.DONE, done.as_text(), done.as_json())
