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
from flows.run.progress import LineListener
from flows.run.summary import RunSummary
from transforms.schema import PUBLISHED

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
        self.percent = max(self.percent, _READ_PERCENT * self._pages / max(self._expected, self._pages))

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
        update_progress_artifact(artifact_id, listener.percent, description=listener.stage)


def show_run(summary: RunSummary) -> None:
    """Create the artifacts of a run: its summary, its incomplete scopes, and links to the published files."""
    facts = summary.as_json()
    problems = facts.pop("problems")
    create_markdown_artifact(summary_markdown(f"Sync: {summary.outcome}", facts), key="sync-summary")
    show_problems("sync-problems", problems, "Scopes that are not complete, with the cause")
    show_files({"ooo.duckdb": summary.database, "Parquet files": summary.parquet_folder})


def show_fleet(summary: FleetSummary) -> None:
    """Create the artifacts of a fleet sync: its summary, its incomplete organizations, and links."""
    create_markdown_artifact(
        summary_markdown(f"Fleet: {summary.outcome}", summary.as_json()), key="fleet-summary"
    )
    show_problems("fleet-problems", summary.problems, "Incomplete organizations, with the cause")
    if summary.database and summary.parquet_folder:
        show_files({"ooo.duckdb": summary.database, "Parquet files": summary.parquet_folder})


def record_assets(rows: Mapping[str, int], **facts: Any) -> None:
    """Add the number of rows, and `facts`, to each asset that the current task has materialized."""
    for asset in ASSETS:
        name = asset.key.rpartition("/")[2]
        if name in rows:
            asset.add_metadata({"rows": rows[name], **facts})


def show_problems(key: str, problems: Sequence[Mapping[str, Any]], description: str) -> None:
    """Create a table of `problems`, or no artifact if there is no problem."""
    if problems:
        create_table_artifact([dict(problem) for problem in problems], key=key, description=description)


def show_files(files: Mapping[str, Path]) -> None:
    """Create a link to each file or folder; it works in a browser on the same machine."""
    for name, path in files.items():
        key = name.lower().replace(".", "-").replace(" ", "-")
        create_link_artifact(path.resolve().as_uri(), key=key, link_text=name)


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
    return " ".join(str(value).split()).replace("|", "\\|")
