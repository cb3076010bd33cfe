"""The Prefect flow of a fleet: extractions on the work pool or a task runner, one loader, one publication."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.futures import as_completed
from prefect.states import Completed, Failed

from flows.fleet.loader import Loader, extract_organization, open_loader
from flows.fleet.organizations import Organization, read_organizations
from flows.fleet.summary import FleetSummary
from flows.orchestration.artifacts import note_assets, show_fleet
from flows.orchestration.blocks import load_flow_settings, read_block
from flows.orchestration.states import ended, failed, told_by
from flows.orchestration.tasks import publishing_stage, stage
from flows.run.progress import LineListener
from warehouse.load.runs import KnownSize

DEPLOYMENT = "extract/organization"
POLL_SECONDS = 3.0
RUNS_PER_POLL = 100
ATTEMPTS = 3
"""Of an extraction that crashed, which is its machine's fault, not Cal.com's: the next one resumes."""

Extracted = tuple[str, State[Any]]
"""An organization's name, and how its extraction ended."""


@stage("extract", "extract {organization.name}")
def extract_here(organization: Organization, known: KnownSize | None) -> State[None]:
    """A whole landing of the organization is in the exchange."""
    try:
        listener = LineListener(get_run_logger().info)
        run_id = extract_organization(organization, read_block=read_block, listener=listener, known=known)
    except Exception as error:  # noqa: BLE001 - what no one foresaw is raised again
        return failed(error)
    return Completed(message=f"run {run_id} waits to be loaded")


@stage("load", "load {name}")
def load(loader: Loader, name: str) -> State[None]:
    """The organization is in the warehouse, or it is noted why not."""
    outcome = loader.load(name)
    return ended(outcome.exit_code, outcome.error or f"{outcome.entries:,} entries", None)


@publishing_stage()
def publish(loader: Loader) -> FleetSummary:
    """Readers see every organization as it is now in the warehouse."""
    summary = loader.publish()
    note_assets(summary.published, generation=summary.generation)
    return summary


def extract_on_task_runner(
    loader: Loader, organizations: Sequence[Organization], **_: Any
) -> Iterator[Extracted]:
    """Each organization as its extraction ends, in a thread of this flow run or on its Dask cluster."""
    futures = {extract_here.submit(one, loader.known(one)): one.name for one in organizations}
    for future in as_completed(list(futures)):
        future.wait()  # else its state is asked of the server, which may not know yet that it ended
        yield futures[future], future.state


def extract_on_work_pool(
    loader: Loader, organizations: Sequence[Organization], *, give_up_after_hours: float
) -> Iterator[Extracted]:
    """Each organization as its extraction ends, in a flow run of its own that any worker may take."""
    waiting: dict[UUID, tuple[Organization, int]] = {}

    def start(organization: Organization, attempt: int) -> None:
        known = loader.known(organization)
        parameters = {"organization": organization.model_dump(mode="json"), "known": known}
        tags = ["fleet", organization.name]
        run = run_deployment(DEPLOYMENT, parameters=parameters, timeout=0, tags=tags)
        waiting[cast("FlowRun", run).id] = organization, attempt

    for one in organizations:
        start(one, 1)
    deadline = time.monotonic() + give_up_after_hours * 3600
    with get_client(sync_client=True) as client:
        while waiting and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            for run_id, state in _final_states(client, list(waiting)):
                organization, attempt = waiting.pop(run_id)
                if state.is_crashed() and attempt < ATTEMPTS:
                    start(organization, attempt + 1)
                else:
                    yield organization.name, state
    for organization, _ in waiting.values():
        late = f"exit code 12: not extracted within {give_up_after_hours} h; is a worker running?"
        yield organization.name, Failed(message=late)


def _final_states(client: SyncPrefectClient, run_ids: list[UUID]) -> Iterator[tuple[UUID, State[Any]]]:
    for start in range(0, len(run_ids), RUNS_PER_POLL):
        some = FlowRunFilterId(any_=run_ids[start : start + RUNS_PER_POLL])
        for found in client.read_flow_runs(flow_run_filter=FlowRunFilter(id=some)):
            if found.state is not None and found.state.is_final():
                yield found.id, found.state


@flow(name="fleet", persist_result=False, log_prints=False)
def fleet(
    organizations_file: Path = Path("orgs.toml"),
    extract_with: Literal["work pool", "task runner"] = "work pool",
    allow_mass_delete: bool = False,  # noqa: FBT001, FBT002 - the deployment's parameters
    give_up_after_hours: float = 6.0,
) -> State[dict[str, Any]]:
    """Extract every organization, load each as it comes, publish once; one's failure never stops another.

    Ends as `Partial` if an organization lacks anything, and as `Failed` if all failed or nothing could be
    published.

    Args:
        organizations_file: The organizations, in TOML; on the machine of the worker that runs this flow.
        extract_with: "work pool" starts a run of extract/organization for each, on any worker; "task runner"
            extracts within this run, in threads or on a Dask cluster.
        allow_mass_delete: Load even if most entries of an organization would be deleted. For one run.
        give_up_after_hours: How long an extraction may take before the others are published without it.

    """
    logger = get_run_logger()
    listener = LineListener(logger.info)
    extracting = extract_on_work_pool if extract_with == "work pool" else extract_on_task_runner
    try:
        settings, organizations = load_flow_settings(), read_organizations(organizations_file)
        with open_loader(settings, listener=listener, allows_mass_delete=allow_mass_delete) as loader:
            for name, state in extracting(loader, organizations, give_up_after_hours=give_up_after_hours):
                if state.is_completed():
                    load(loader, name, return_state=True)
                else:
                    loader.note_failure(name, *told_by(state))
            summary = publish(loader)
    except Exception as error:  # noqa: BLE001 - what no one foresaw is raised again
        return failed(error)
    logger.info("%s", summary.as_text())
    show_fleet(summary)
    return ended(summary.exit_code, summary.headline, summary.as_json())
