"""The Prefect flow of maintenance: the same as `ooo maintain`."""

from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State

from calcom.errors import ExitCode
from flows.orchestration.blocks import load_flow_settings
from flows.orchestration.markdown import summary_markdown
from flows.orchestration.states import ended, failed
from flows.privacy import maintenance


@flow(name="maintain", persist_result=False, log_prints=False)
def maintain() -> State[dict[str, Any]]:
    """Clear away old landings and pending purges, and compact the warehouse file. No row changes."""
    try:
        done = maintenance.maintain(load_flow_settings())
    except Exception as error:  # noqa: BLE001 - what no one foresaw is raised again
        return failed(error)
    get_run_logger().info("%s", done.as_text())
    create_markdown_artifact(summary_markdown("Maintenance", done.as_json()), key="maintenance")
    return ended(ExitCode.DONE, done.as_text(), done.as_json())
