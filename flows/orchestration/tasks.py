"""The stages of a run as Prefect tasks, their time limits, and the final states of flow runs.

A task takes the open resources of the run, which can be neither hashed nor stored: no task is cached and no result
is stored. The pages that a run has read are in its landing, from which a retry continues. A flow run ends in the
state that fits the exit code of `ooo`.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import prefect.runtime
from prefect import Task, task
from prefect.assets import materialize
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.tasks import MaterializingTask

from calcom.errors import ExitCode, OooError
from flows.orchestration.artifacts import ASSETS, record_assets, show_failure
from flows.orchestration.events import report_organizations
from flows.orchestration.logs import log_summary
from flows.run.context import RunContext
from flows.run.stages import PLAIN_STAGES, Stages
from warehouse.connection import catching_interrupts

RETRIES = 3
"""Retries of a stage that found Cal.com unavailable; no other failure is retried."""

_HOUR = 3600
RUN_LIMIT_SECONDS = 12 * _HOUR
"""The time limit of a flow run that reads. 10 million entries take 6 hours at 120 requests per minute."""

READ_LIMIT_SECONDS = 8 * _HOUR
"""The time limit of the task that reads all entries of an organization."""

TASK_LIMIT_SECONDS = 2 * _HOUR
"""The time limit of every other task, and of the flow of maintenance."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def as_task(
    function: Callable[_P, _R],
    name: str,
    run_name: str | None = None,
    *,
    limit_seconds: float = TASK_LIMIT_SECONDS,
    **options: Any,
) -> Task[_P, _R]:
    """Return the function as a task; `run_name`, with parameters in braces, distinguishes its runs."""
    decorate = task(
        name=name,
        task_run_name=run_name or name,
        cache_policy=NO_CACHE,
        persist_result=False,
        timeout_seconds=limit_seconds,
        **options,
    )
    return decorate(function)


def as_publishing_task(function: Callable[_P, _R]) -> MaterializingTask[_P, _R]:
    """Return the function as the task that publishes the tables, which are assets of Prefect."""
    decorate = materialize(
        *ASSETS,
        by="duckdb",
        name="publish",
        task_run_name="publish",
        cache_policy=NO_CACHE,
        persist_result=False,
        timeout_seconds=TASK_LIMIT_SECONDS,
    )
    return decorate(function)


def _load(run: RunContext) -> None:
    with catching_interrupts():
        PLAIN_STAGES.load(run)


def _publish(run: RunContext) -> None:
    with catching_interrupts():
        PLAIN_STAGES.publish(run)
    if run.publication is not None:
        rows, generation = run.publication.rows, run.publication.generation
        record_assets(rows, generation=generation, run_id=run.record.run_id)
        report_organizations({run.landing.facts.organization_id: run.record.run_id})


def stages_as_tasks(retry_seconds: float) -> Stages:
    """Return the stages of a run as tasks. Reading is retried after the delay, then after 4 and 16 times of it."""
    retrying: dict[str, Any] = {
        "retries": RETRIES,
        "retry_delay_seconds": [retry_seconds, 4 * retry_seconds, 16 * retry_seconds],
        "retry_condition_fn": is_source_unavailable,
    }
    batch_name = "read entries: batch {batch.number}"
    return Stages(
        find_organization=as_task(PLAIN_STAGES.find_organization, "find the organization", **retrying),
        read_lists=as_task(PLAIN_STAGES.read_lists, "read people", **retrying),
        read_organization=as_task(
            PLAIN_STAGES.read_organization,
            "read entries",
            batch_name,
            limit_seconds=READ_LIMIT_SECONDS,
            **retrying,
        ),
        read_users=as_task(PLAIN_STAGES.read_users, "read entries", batch_name, **retrying),
        read_team_members=as_task(
            PLAIN_STAGES.read_team_members, "read team members", limit_seconds=READ_LIMIT_SECONDS, **retrying
        ),
        settle=as_task(PLAIN_STAGES.settle, "settle", **retrying),
        load=as_task(_load, "load"),
        publish=as_publishing_task(_publish),
    )


def name_run(*facts: str) -> str:
    """Return the name of the current flow run: its deployment or flow, the facts, and the instant it was due."""
    name = prefect.runtime.deployment.name or prefect.runtime.flow_run.flow_name
    due_at = prefect.runtime.flow_run.scheduled_start_time
    return ", ".join([str(name), *facts, f"{due_at:%Y-%m-%d %H:%M} UTC"])


def end_with(exit_code: int, message: str, facts: dict[str, Any] | None) -> State[Any]:
    """Return `Completed` for a complete run, `Partial` (of the same type) for a partial one, else `Failed`."""
    name = {ExitCode.DONE: "Completed", ExitCode.PARTIAL: "Partial"}.get(ExitCode(exit_code))
    if name is None:
        return Failed(message=f"exit code {exit_code}: {message}", data=facts)
    return Completed(name=name, message=message, data=facts)


def fail_with(error: OooError, *, title: str | None = None) -> State[Any]:
    """Log the error in one line, and return `Failed` with it; with a title, show it as the summary, too."""
    message = f"exit code {error.exit_code}: {error}"
    log_summary(error.exit_code, message)
    if title is not None:
        show_failure(title, int(error.exit_code), str(error))
    return Failed(message=message)


def is_source_unavailable(_task: object, _task_run: object, state: State[Any]) -> bool:
    """Return True if Cal.com was unavailable: the one failure of a task that a later attempt can cure."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, OooError) and error.exit_code is ExitCode.UNAVAILABLE
