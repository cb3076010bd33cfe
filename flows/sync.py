"""The Prefect flow: the same run as `ooo sync`, a task for each stage and each batch of users."""

from typing import Any

from prefect import flow, get_run_logger, task
from prefect.assets import materialize
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from calcom.strategy import Strategy
from flows import pipeline
from flows.artifacts import ASSETS, note_assets, show_run, showing_progress
from flows.blocks import load_flow_settings
from flows.run import Run, open_run
from flows.states import ended, failed, is_source_unavailable

RETRIES = 3
"""Of a reading task that found Cal.com unavailable; nothing else is mended by time."""

# A task takes the run's open resources, which can be neither hashed nor stored; what a run has read is
# kept in its landing, from where a retry goes on.


@task(
    name="read people",
    task_run_name="read people",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=RETRIES,
    retry_condition_fn=is_source_unavailable,
)
def read_people(run: Run) -> None:
    """The organization's users are landed, and the strategy is settled."""
    pipeline.read_people(run)


@task(
    name="read entries",
    task_run_name="read entries: batch {batch}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=RETRIES,
    retry_condition_fn=is_source_unavailable,
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
    retries=RETRIES,
    retry_condition_fn=is_source_unavailable,
)
def read_team_members(run: Run) -> None:
    """The memberships of every team are landed."""
    pipeline.read_team_members(run)


@task(name="load", task_run_name="load", cache_policy=NO_CACHE, persist_result=False)
def load(run: Run) -> None:
    """What was landed is in the warehouse."""
    pipeline.load(run)


@materialize(
    *ASSETS, by="duckdb", name="publish", task_run_name="publish", cache_policy=NO_CACHE, persist_result=False
)
def publish(run: Run) -> None:
    """Readers see the warehouse as it is now."""
    publication = pipeline.publish_run(run)
    note_assets(publication.rows, generation=publication.generation, run_id=run.landing.facts.run_id)


def extract(run: Run) -> None:
    """Everything is landed, a task for each batch; where Cal.com is unavailable, it is tried again later."""
    delay = run.settings.retry_seconds
    delays = [delay, 4 * delay, 16 * delay]
    read_people.with_options(retry_delay_seconds=delays)(run)
    for number, user_ids in enumerate(pipeline.plan_batches(run), start=1):
        read_entries.with_options(retry_delay_seconds=delays)(run, number, user_ids)
    if run.settings.reads_teams:
        read_team_members.with_options(retry_delay_seconds=delays)(run)
    pipeline.end_reading(run)


@flow(name="sync", persist_result=False, log_prints=False)
def sync(
    strategy: Strategy = Strategy.AUTO,
    allow_mass_delete: bool = False,  # noqa: FBT001, FBT002 - the deployment's parameters
    credential_block: str | None = None,
) -> State[dict[str, Any]]:
    """Read the organization, load what is proved, publish it.

    Settings come from the worker's environment. A partial run ends as `Partial`, with what is missing; one
    that a guard stopped, or an error, as `Failed` with what `ooo sync` would say.

    Args:
        strategy: How entries are read. auto takes the cheaper of org-wide and per-user; both reads twice
            and compares.
        allow_mass_delete: Load even if most entries would be deleted. For one run, after a look.
        credential_block: The Secret block that holds the credential. Empty, the worker's environment has it.

    """
    logger = get_run_logger()
    try:
        with (
            showing_progress(logger.info, key="sync-progress") as observer,
            open_run(
                load_flow_settings(credential_block),
                strategy=strategy,
                observer=observer,
                allows_mass_delete=allow_mass_delete,
            ) as run,
        ):
            with pipeline.recording_failure(run):
                extract(run)
                load(run)
                publish(run)
            summary = pipeline.summarise(run)
    except Exception as error:  # noqa: BLE001 - what no one foresaw is raised again
        return failed(error)
    logger.info("%s", summary.as_text())
    show_run(summary)
    message = (
        f"{summary.outcome}: {summary.rows['in']:,} entries read, {summary.scopes['failed']:,} scopes failed"
    )
    return ended(summary.exit_code, message, summary.as_json())
