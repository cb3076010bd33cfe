"""The Prefect flow of a fleet: extractions on the work pool or a task runner, one loader, one publication."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import prefect.runtime
from prefect import Flow, flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.futures import as_completed
from prefect.states import Cancelling, Completed, Failed
from pydantic import Field

from calcom.errors import OooError
from calcom.wording import count_of
from flows.fleet.extraction import extract_organization, report_failure
from flows.fleet.identity import find_identities, raise_if_repeated
from flows.fleet.loader import Loader, open_loader
from flows.fleet.organizations import Organization, read_organizations
from flows.fleet.summary import FleetSummary
from flows.orchestration.artifacts import record_assets, show_fleet
from flows.orchestration.blocks import load_flow_settings, read_block
from flows.orchestration.events import report_organizations
from flows.orchestration.logs import listen_in_flow, log_summary, open_run_logger
from flows.orchestration.tasks import (
    READ_LIMIT_SECONDS,
    RUN_LIMIT_SECONDS,
    as_publishing_task,
    as_task,
    end_with,
    fail_with,
    name_run,
)
from flows.orchestration.turns import take_turn
from flows.run.progress import LineListener
from warehouse.load.runs import OrganizationSize

DEPLOYMENT = "extract/organization"
POLL_SECONDS = 3.0
RUNS_PER_POLL = 100
ATTEMPTS = 3
"""Attempts of an extraction that crashed with its machine; the next attempt resumes."""

Hours = Annotated[float, Field(gt=0, le=168, allow_inf_nan=False)]
"""A number of hours above 0, at most a week; Prefect's page refuses any other."""

Extracted = tuple[str, State[Any]]
"""The name of an organization, and the final state of its extraction."""


def _extract(organization: Organization, size: OrganizationSize | None) -> State[None]:
    try:
        listener = LineListener(open_run_logger().info)
        run_id = extract_organization(organization, read_block=read_block, listener=listener, size=size)
    except OooError as error:
        report_failure(organization, error)
        return fail_with(error)
    return Completed(message=f"run {run_id} is ready to be loaded")


def _load(loader: Loader, name: str) -> State[None]:
    outcome = loader.load(name)
    return end_with(outcome.exit_code, outcome.error or count_of(outcome.entries, "entry", "entries"), None)


def _publish(loader: Loader) -> FleetSummary:
    summary = loader.publish()
    record_assets(summary.published, generation=summary.generation)
    report_organizations(summary.run_ids)
    return summary


extract_task = as_task(_extract, "extract", "extract {organization.name}", limit_seconds=READ_LIMIT_SECONDS)
load_task = as_task(_load, "load", "load {name}")
publish_task = as_publishing_task(_publish)


def extract_on_task_runner(
    loader: Loader, organizations: Sequence[Organization], **_: Any
) -> Iterator[Extracted]:
    """Extract in threads of this flow run or on its Dask cluster; yield each organization at its end."""
    futures = {
        extract_task.submit(organization, loader.read_size(organization)): organization.name
        for organization in organizations
    }
    for future in as_completed(list(futures)):
        future.wait()  # without it the state comes from the server, which may not have the end yet
        yield futures[future], future.state


def extract_on_work_pool(
    loader: Loader, organizations: Sequence[Organization], *, give_up_after_hours: float
) -> Iterator[Extracted]:
    """Extract each organization in a flow run of its own on any worker; yield each organization at its end."""
    waiting: dict[UUID, tuple[Organization, int]] = {}

    def start(organization: Organization, attempt: int) -> None:
        size = loader.read_size(organization)
        parameters = {"organization": organization.model_dump(mode="json"), "size": size}
        tags = ["fleet", organization.name]
        run = run_deployment(DEPLOYMENT, parameters=parameters, timeout=0, tags=tags)
        waiting[cast("FlowRun", run).id] = organization, attempt

    for organization in organizations:
        start(organization, 1)
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
        late = f"not extracted within {give_up_after_hours} h; check that a worker is running"
        yield organization.name, Failed(message=late)


def _final_states(client: SyncPrefectClient, run_ids: list[UUID]) -> Iterator[tuple[UUID, State[Any]]]:
    for start in range(0, len(run_ids), RUNS_PER_POLL):
        chunk = FlowRunFilterId(any_=run_ids[start : start + RUNS_PER_POLL])
        for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(id=chunk)):
            if run.state is not None and run.state.is_final():
                yield run.id, run.state


def _cancel_extractions(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Cancel the extractions of a fleet that was cancelled. Their landings stay, and the next run resumes them."""
    del flow, state
    parent = FlowRunFilterParentFlowRunId(any_=[flow_run.id])
    extractions = FlowRunFilter(parent_flow_run_id=parent)
    offset = 0
    with get_client(sync_client=True) as client:
        while runs := client.read_flow_runs(flow_run_filter=extractions, limit=RUNS_PER_POLL, offset=offset):
            offset += len(runs)
            for run in runs:
                if run.state is not None and not run.state.is_final():
                    message = f"the fleet's run {flow_run.name} was cancelled"
                    client.set_flow_run_state(run.id, Cancelling(message=message))


def _name() -> str:
    return name_run(Path(prefect.runtime.flow_run.parameters.get("organizations_file", "orgs.toml")).name)


@flow(
    name="fleet",
    flow_run_name=_name,
    timeout_seconds=RUN_LIMIT_SECONDS,
    on_cancellation=[_cancel_extractions],
    persist_result=False,
    log_prints=False,
)
def fleet(
    organizations_file: Path = Path("orgs.toml"),
    extract_with: Literal["work pool", "task runner"] = "work pool",
    allow_mass_delete: bool = False,  # noqa: FBT001, FBT002 - the deployment's parameters
    give_up_after_hours: Hours = 6.0,
) -> State[dict[str, Any]]:
    """Extract the organizations, load each at its end, and publish once. A failure stops no other organization.

    Ends as `Partial` if an organization is incomplete, and as `Failed` if all failed or nothing was published.

    Args:
        organizations_file: The TOML file of organizations, on the machine of the worker that runs this flow.
        extract_with: "work pool" starts a run of extract/organization for each organization, on any worker;
            "task runner" extracts within this run, in threads or on a Dask cluster.
        allow_mass_delete: Load even if most entries of an organization would be deleted. For one run.
        give_up_after_hours: Hours that an extraction may take before the others are published without it.

    """
    extracting = extract_on_work_pool if extract_with == "work pool" else extract_on_task_runner

    def sync_organizations() -> State[dict[str, Any]]:
        listener = listen_in_flow(LineListener(open_run_logger().info), settings)
        with open_loader(
            settings, organizations, listener=listener, allows_mass_delete=allow_mass_delete
        ) as loader:
            # A credential that only the extraction machines have is checked when its landing is loaded.
            identities = find_identities(
                organizations,
                read_block=read_block,
                concurrency=settings.fleet_concurrency,
                listeners={organization.name: listener for organization in organizations},
            )
            raise_if_repeated(identities)
            for name, state in extracting(loader, organizations, give_up_after_hours=give_up_after_hours):
                if state.is_completed():
                    load_task(loader, name, return_state=True)
                else:
                    loader.record_failed_extraction(name, state.message or f"the run ended as {state.name}")
            summary = publish_task(loader)
        log_summary(summary.exit_code, summary.as_text())
        show_fleet(summary, settings)
        return end_with(summary.exit_code, summary.headline, summary.as_json())

    try:
        settings, organizations = load_flow_settings(), read_organizations(organizations_file)
        return take_turn(settings, sync_organizations)
    except OooError as error:
        return fail_with(error, title="Fleet")
