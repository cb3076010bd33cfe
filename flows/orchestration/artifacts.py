"""What Prefect's page shows of a run: its progress while it runs, and then what it read and published."""

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.assets import Asset, AssetProperties

from calcom.scopes import Scope
from flows.fleet.summary import FleetSummary
from flows.orchestration.markdown import summary_markdown
from flows.run.progress import LineListener
from flows.run.summary import RunSummary
from transforms.schema import PUBLISHED

UPDATE_SECONDS = 5.0
"""How often the progress artifact is brought up to date; each time costs the server a request."""

_READ_PERCENT, _STAGE_PERCENT = 90.0, {"load": 92.0, "publish": 97.0}

ASSETS = [
    Asset(
        key=f"duckdb://ooo/{table.name}",
        properties=AssetProperties(name=table.name, description=f"One row: {table.grain}."),
    )
    for table in PUBLISHED
]
"""The published tables, as Prefect's assets."""


class ArtifactListener(LineListener):
    """A log line as in a terminal's log, and how far the run is, in percent."""

    percent = 0.0
    stage = "connecting"

    def page_read(self, scope: Scope, rows: int) -> None:
        """Count; reading makes up most of the way."""
        super().page_read(scope, rows)
        self.percent = max(self.percent, _READ_PERCENT * self._pages / max(self._expected, self._pages))

    def stage_started(self, name: str, detail: str) -> None:
        """Name the stage."""
        super().stage_started(name, detail)
        self.stage = name
        self.percent = max(self.percent, _STAGE_PERCENT.get(name, 0.0))


@contextlib.contextmanager
def showing_progress(write: Callable[[str], None], *, key: str) -> Iterator[ArtifactListener]:
    """An listener whose progress is an artifact of this flow run, current to five seconds until it ends.

    The updates come from a thread of their own: pages are counted within the client's event loop.
    """
    listener = ArtifactListener(write)
    artifact_id = cast("UUID", create_progress_artifact(0.0, key=key, description=listener.stage))
    is_over = threading.Event()

    def update() -> None:
        while not is_over.wait(UPDATE_SECONDS):
            # A server that does not answer just now shall not end the run.
            with contextlib.suppress(Exception):
                update_progress_artifact(artifact_id, listener.percent, description=listener.stage)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(update,), daemon=True)
    thread.start()
    try:
        yield listener
        listener.percent, listener.stage = 100.0, "done"
    finally:
        is_over.set()
        thread.join()
        update_progress_artifact(artifact_id, listener.percent, description=listener.stage)


def show_run(summary: RunSummary) -> None:
    """The flow run has its summary, its scopes without a proof, and links to what was published."""
    facts = summary.as_json()
    problems = facts.pop("problems")
    create_markdown_artifact(summary_markdown(f"Sync: {summary.outcome}", facts), key="sync-summary")
    show_problems("sync-problems", problems, "Scopes that are not complete, and why")
    show_files({"ooo.duckdb": summary.database, "Parquet files": summary.parquet_folder})


def show_fleet(summary: FleetSummary) -> None:
    """The flow run has its summary, its organizations that lack anything, and links."""
    create_markdown_artifact(
        summary_markdown(f"Fleet: {summary.outcome}", summary.as_json()), key="fleet-summary"
    )
    show_problems("fleet-problems", summary.problems, "Organizations that lack anything, and why")
    if summary.database and summary.parquet_folder:
        show_files({"ooo.duckdb": summary.database, "Parquet files": summary.parquet_folder})


def note_assets(rows: Mapping[str, int], **facts: Any) -> None:
    """Each asset that the current task has materialized tells its rows, and `facts`."""
    for asset in ASSETS:
        name = asset.key.rpartition("/")[2]
        if name in rows:
            asset.add_metadata({"rows": rows[name], **facts})


def show_problems(key: str, problems: Sequence[Mapping[str, Any]], description: str) -> None:
    """A table of `problems`; none if there are none."""
    if problems:
        create_table_artifact([dict(one) for one in problems], key=key, description=description)


def show_files(files: Mapping[str, Path]) -> None:
    """A link to each file or folder, which works where the reader has the same disk."""
    for name, path in files.items():
        key = name.lower().replace(".", "-").replace(" ", "-")
        create_link_artifact(path.resolve().as_uri(), key=key, link_text=name)
