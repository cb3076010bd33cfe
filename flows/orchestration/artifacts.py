"""The artifacts of a flow run on Prefect's page: its progress, its summary, its problems and its files."""

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
from flows.report.page import report_path
from flows.run.progress import LineListener
from flows.run.summary import RunSummary
from flows.settings import Settings
from flows.settings.clock import utc_now
from transforms.schema import PUBLISHED
from warehouse.connection import open_publication
from warehouse.read.facts import read_headline

UPDATE_SECONDS = 5.0
"""The interval of updates of the progress artifact; each update costs the server one request."""

_READ_PERCENT, _STAGE_PERCENT = 90.0, {"load": 92.0, "publish": 97.0}

ASSETS = [
    Asset(
        key=f"duckdb://ooo/{table.name}",
        properties=AssetProperties(name=table.name, description=f"One row: {table.grain}."),
    )
    for table in PUBLISHED
]
"""The published tables as assets of Prefect."""

MAX_ROWS = 50
"""The number of rows of a list that a page shows; the JSON of the summary has all."""


class ArtifactListener(LineListener):
    """Writes the same lines as a terminal without a bar, and computes the progress in percent."""

    percent = 0.0
    stage = "connecting"

    def page_read(self, scope: Scope, rows: int) -> None:
        """Count the page; reading takes most of a run's time."""
        super().page_read(scope, rows)
        self.percent = max(self.percent, _READ_PERCENT * self.share_read())

    def stage_started(self, name: str, detail: str) -> None:
        """Store the stage."""
        super().stage_started(name, detail)
        self.stage = name
        self.percent = max(self.percent, _STAGE_PERCENT.get(name, 0.0))


@contextlib.contextmanager
def showing_progress(write: Callable[[str], None], *, key: str) -> Iterator[ArtifactListener]:
    """Yield a listener whose progress is an artifact of this flow run, updated every five seconds.

    A thread sends the updates, because pages are counted in the event loop of the client.
    """
    listener = ArtifactListener(write)
    artifact_id = cast("UUID", create_progress_artifact(0.0, key=key, description=listener.stage))
    is_over = threading.Event()

    def update() -> None:
        while not is_over.wait(UPDATE_SECONDS):
            # A Prefect server that is unavailable for a moment must not end the run.
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
        with contextlib.suppress(Exception):  # as above
            update_progress_artifact(artifact_id, listener.percent, description=listener.stage)


def show_run(summary: RunSummary, settings: Settings) -> None:
    """Create the artifacts of a run: its summary, its problems, its headline figures, and links to the files."""
    facts = summary.as_json()
    problems = facts.pop("problems")
    show_summary("Sync", summary.outcome, facts)
    show_problems("sync-problems", problems, "Scopes that are not complete, with the cause")
    show_files({"ooo.duckdb": summary.database, "Parquet files": summary.parquet_folder})
    show_headline(summary.database, settings)


def show_fleet(summary: FleetSummary, settings: Settings) -> None:
    """Create the artifacts of a fleet sync: its summary, its problems, its headline figures, and links."""
    show_summary("Fleet", summary.outcome, summary.as_json())
    show_problems("fleet-problems", summary.problems, "Incomplete organizations, with the cause")
    if summary.database and summary.parquet_folder:
        show_files({"ooo.duckdb": summary.database, "Parquet files": summary.parquet_folder})
        show_headline(summary.database, settings)


def show_headline(database: Path, settings: Settings) -> None:
    """Create the artifact `report`: the headline figures, and where the report page and the tables are."""
    with open_publication(database) as connection:
        figures = read_headline(connection, utc_now().date())
    page = report_path(settings).resolve()
    where = [
        f"[Report page]({settings.report_url})"
        if settings.report_url
        else f"Report page: `{page}`, on the machine of the worker. Set OOO_REPORT_URL to link to it here."
    ]
    if settings.publish_url:
        where.append(f"Tables in the object store: `{settings.publish_url}`")
    create_markdown_artifact(
        "\n\n".join([summary_markdown("Out of office", figures), *where]),
        key="report",
        description="The headline figures of the published tables, and the place of the report page",
    )


def show_summary(title: str, outcome: str, facts: Mapping[str, Any]) -> None:
    """Create the artifact that has all facts of a run, such as `sync-summary`."""
    create_markdown_artifact(
        summary_markdown(f"{title}: {outcome}", facts),
        key=f"{title.lower()}-summary",
        description=f"The summary of the run: {outcome}",
    )


def show_failure(title: str, exit_code: int, error: str) -> None:
    """Create the summary of a run that failed. A Prefect server that is unavailable does not hide the failure."""
    with contextlib.suppress(Exception):
        show_summary(title, "failed", {"outcome": "failed", "exit_code": exit_code, "error": error})


def record_assets(rows: Mapping[str, int], **facts: Any) -> None:
    """Add the number of rows, and `facts`, to each asset that the current task has materialized."""
    for asset in ASSETS:
        name = asset.key.rpartition("/")[2]
        if name in rows:
            asset.add_metadata({"rows": rows[name], **facts})


def show_problems(key: str, problems: Sequence[Mapping[str, Any]], description: str) -> None:
    """Create a table of `problems`, or no artifact if there is no problem."""
    if problems:
        rows = [
            {
                name: _cell(value) if isinstance(value, list | dict) else value
                for name, value in problem.items()
            }
            for problem in problems
        ]
        create_table_artifact(rows, key=key, description=description)


def show_files(files: Mapping[str, Path]) -> None:
    """Create a link to each file or folder; it works in a browser on the same machine."""
    for name, path in files.items():
        key = name.lower().replace(".", "-").replace(" ", "-")
        create_link_artifact(
            path.resolve().as_uri(),
            key=key,
            link_text=name,
            description=f"{path.resolve()}, on the machine of the worker",
        )


def summary_markdown(title: str, facts: Mapping[str, Any]) -> str:
    """Return `facts` (JSON types) as Markdown: plain values in one table, each mapping and each list in its own.

    A new field of a summary appears without a change here.
    """
    plain = {key: value for key, value in facts.items() if not isinstance(value, dict | list)}
    parts = [f"# {title}", _pairs(plain)]
    for key, value in facts.items():
        if isinstance(value, dict) and value:
            parts += [f"## {_words(key)}", _pairs(value)]
        elif isinstance(value, list) and value:
            parts += [f"## {_words(key)} ({len(value):,})", _rows(value)]
    return "\n\n".join(parts) + "\n"


def _pairs(facts: Mapping[str, Any]) -> str:
    return _grid([("", ""), *((_words(key), _cell(value)) for key, value in facts.items())])


def _rows(values: Sequence[Any]) -> str:
    shown = [value if isinstance(value, Mapping) else {"": value} for value in values[:MAX_ROWS]]
    columns = list(dict.fromkeys(column for row in shown for column in row))
    lines = [tuple(_cell(row.get(column)) for column in columns) for row in shown]
    rest = f"\n\n… and {len(values) - MAX_ROWS:,} more" if len(values) > MAX_ROWS else ""
    return _grid([tuple(map(_words, columns)), *lines]) + rest


def _grid(lines: Sequence[tuple[str, ...]]) -> str:
    header, *rest = lines
    rows = [header, tuple("---" for _ in header), *rest]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(str(key))}: {_cell(each)}" for key, each in value.items())
    if isinstance(value, list | tuple | set):
        return "; ".join(map(_cell, value))
    return " ".join(str(value).split()).replace("|", "\\|")
