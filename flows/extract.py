"""The Prefect flow for one organization of a fleet: reads it into the hand-off store, on any worker's machine."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from calcom.errors import OooError
from flows.fleet.extraction import extract_organization, report_failure
from flows.fleet.organizations import Organization
from flows.orchestration.artifacts import showing_progress
from flows.orchestration.blocks import read_block
from flows.orchestration.logs import listen_in_flow, open_run_logger
from flows.orchestration.tasks import RUN_LIMIT_SECONDS, fail_with, stages_as_tasks
from flows.settings import NO_CREDENTIAL, load_settings
from warehouse.load.runs import OrganizationSize


@flow(
    name="extract",
    flow_run_name="extract {organization.name}",
    timeout_seconds=RUN_LIMIT_SECONDS,
    persist_result=False,
    log_prints=False,
)
def extract(organization: Organization, size: OrganizationSize | None = None) -> State[None]:
    """Leave a complete landing of the organization in the hand-off store. The warehouse is not opened.

    Settings and `env:` credentials come from the worker's environment, and `block:` credentials from Prefect.

    Args:
        organization: The organization, as the fleet's file describes it.
        size: The size of the organization in the warehouse, which lets several pages be requested at the same
            time. If it is empty, the pages are requested one after the other.

    """
    try:
        settings = load_settings(**NO_CREDENTIAL)
        with showing_progress(open_run_logger().info, key=f"extract-{organization.name}") as listener:
            run_id = extract_organization(
                organization,
                read_block=read_block,
                listener=listen_in_flow(listener, settings),
                size=size,
                tasks=stages_as_tasks(settings.retry_seconds),
            )
    except OooError as error:
        report_failure(organization, error)
        return fail_with(error, title=f"Extract-{organization.name}")
    return Completed(message=f"run {run_id} is ready to be loaded")
