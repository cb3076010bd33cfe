"""A run's stages as Prefect tasks: each kind of task, declared once.

A task takes the run's open resources, which can be neither hashed nor stored, so none is cached and no result
is kept; what a run has read is in its landing, from where a retry goes on.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.assets import materialize
from prefect.cache_policies import NO_CACHE
from prefect.tasks import MaterializingTask

from flows.orchestration.artifacts import ASSETS
from flows.orchestration.states import is_source_unavailable

RETRIES = 3
"""Of a stage that found Cal.com unavailable; nothing else is mended by time."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def stage(
    name: str, run_name: str | None = None, **options: Any
) -> Callable[[Callable[_P, _R]], Task[_P, _R]]:
    """A task; `run_name`, with the task's parameters in braces, tells its runs apart."""
    return task(
        name=name, task_run_name=run_name or name, cache_policy=NO_CACHE, persist_result=False, **options
    )


def reading_stage(name: str, run_name: str | None = None) -> Callable[[Callable[_P, _R]], Task[_P, _R]]:
    """A task that asks Cal.com, and is tried again after the delays that its caller sets."""
    return stage(name, run_name, retries=RETRIES, retry_condition_fn=is_source_unavailable)


def publishing_stage() -> Callable[[Callable[_P, _R]], MaterializingTask[_P, _R]]:
    """The task that publishes the tables, which are Prefect's assets."""
    return materialize(
        *ASSETS,
        by="duckdb",
        name="publish",
        task_run_name="publish",
        cache_policy=NO_CACHE,
        persist_result=False,
    )
