"""The Prefect flow for one organization of a fleet: read into the exchange, on whatever machine takes it."""

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.fleet.loader import extract_organization
from flows.fleet.organizations import Organization
from flows.orchestration.artifacts import showing_progress
from flows.orchestration.blocks import read_block
from flows.orchestration.states import failed
from warehouse.load.runs import KnownSize


@flow(name="extract", flow_run_name="extract {organization.name}", persist_result=False, log_prints=False)
def extract(organization: Organization, known: KnownSize | None = None) -> State[None]:
    """Leave a whole landing of the organization in the exchange; the loader's warehouse is not touched.

    Settings and `env:` credentials come from the worker's environment, `block:` ones from Prefect.

    Args:
        organization: The organization, as the fleet's file has it.
        known: What the warehouse has of it, for choosing the cheaper strategy. Empty, it is guessed.

    """
    try:
        with showing_progress(get_run_logger().info, key=f"extract-{organization.name}") as listener:
            run_id = extract_organization(organization, read_block=read_block, listener=listener, known=known)
    except Exception as error:  # noqa: BLE001 - what no one foresaw is raised again
        return failed(error)
    return Completed(message=f"run {run_id} waits to be loaded")
