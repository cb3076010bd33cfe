"""The Prefect flow: the same run as `ooo sync`, a task for each stage and each batch of users."""

from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from calcom.strategy import Strategy
from flows.orchestration.artifacts import note_assets, show_run, showing_progress
from flows.orchestration.blocks import load_flow_settings
from flows.orchestration.states import ended, failed
from flows.orchestration.tasks import publishing_stage, reading_stage, stage
from flows.run import stages as pipeline
from flows.run.context import Run, open_run, staging_meanwhile


@reading_stage("read people")
def read_people(run: Run) -> None:
    """The organization's users are landed, and the strategy is settled."""
    pipeline.read_people(run)


@reading_stage("read entries", "read entries: batch {batch}")
def read_entries(run: Run, batch: int, user_ids: list[int]) -> None:
    """The entries of one batch of users are landed, or of the whole organization."""
    del batch
    pipeline.read_entries(run, user_ids)


@reading_stage("read team members")
def read_team_members(run: Run) -> None:
    """The memberships of every team are landed."""
    pipeline.read_team_members(run)


@stage("load")
def load(run: Run) -> None:
    """What was landed is in the warehouse."""
    pipeline.load(run)


@publishing_stage()
def publish(run: Run) -> None:
    """Readers see the warehouse as it is now."""
    publication = pipeline.publish(run)
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
            showing_progress(logger.info, key="sync-progress") as listener,
            open_run(
                load_flow_settings(credential_block),
                strategy=strategy,
                listener=listener,
                allows_mass_delete=allow_mass_delete,
            ) as run,
        ):
            with pipeline.recording_failure(run), staging_meanwhile(run):
                extract(run)
                load(run)
                publish(run)
            summary = pipeline.summarise(run)
    except Exception as error:  # noqa: BLE001 - what no one foresaw is raised again
        return failed(error)
    logger.info("%s", summary.as_text())
    show_run(summary)
    return ended(summary.exit_code, summary.headline, summary.as_json())
