"""The Prefect flow: the same run as `ooo sync`, a task for each stage and each batch of users."""

from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from calcom.strategy import Strategy
from flows import pipeline
from flows.console import LineObserver
from flows.run import Run, open_run
from flows.settings import load_settings

# A task takes the run's open resources, which can be neither hashed nor stored; what a run has read is
# kept in its landing, from where it resumes. The client itself retries what a retry may mend.


@task(name="read people", task_run_name="read people", cache_policy=NO_CACHE, persist_result=False)
def read_people(run: Run) -> None:
    """The organization's users are landed, and the strategy is settled."""
    pipeline.read_people(run)


@task(
    name="read entries",
    task_run_name="read entries: batch {batch}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def read_entries(run: Run, batch: int, user_ids: list[int]) -> None:
    """The entries of one batch of users are landed, or of the whole organization."""
    del batch
    pipeline.read_entries(run, user_ids)


@task(
    name="read team members",
    task_run_name="read team members",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def read_team_members(run: Run) -> None:
    """The memberships of every team are landed."""
    pipeline.read_team_members(run)


@task(name="load", task_run_name="load", cache_policy=NO_CACHE, persist_result=False)
def load(run: Run) -> None:
    """What was landed is in the warehouse."""
    pipeline.load(run)


@task(name="publish", task_run_name="publish", cache_policy=NO_CACHE, persist_result=False)
def publish(run: Run) -> None:
    """Readers see the warehouse as it is now."""
    pipeline.publish_run(run)


@flow(name="sync", persist_result=False, log_prints=False)
def sync(strategy: Strategy = Strategy.AUTO, allow_mass_delete: bool = False) -> State[dict[str, Any]]:  # noqa: FBT001, FBT002 - the deployment's parameters
    """Read the organization, load what is proved, publish it.

    Settings come from the worker's environment. A partial run ends as `Partial`, with what is missing.
    """
    logger = get_run_logger()
    observer = LineObserver(logger.info)
    with open_run(
        load_settings(), strategy=strategy, observer=observer, allows_mass_delete=allow_mass_delete
    ) as run:
        with pipeline.recording_failure(run):
            read_people(run)
            for number, user_ids in enumerate(pipeline.plan_batches(run), start=1):
                read_entries(run, number, user_ids)
            if run.settings.reads_teams:
                read_team_members(run)
            pipeline.end_reading(run)
            load(run)
            publish(run)
        summary = pipeline.summarise(run)
    logger.info("%s", summary.as_text())
    name = "Completed" if summary.exit_code == 0 else "Partial"
    message = (
        f"{summary.outcome}: {summary.rows['in']:,} entries read, {summary.scopes['failed']:,} scopes failed"
    )
    return Completed(name=name, message=message, data=summary.as_json())
