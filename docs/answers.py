"""Run every query of docs/analyst-guide.md, and write the results below the queries.

Usage: python docs/answers.py

The organization and its year are invented. Entries are made some time before they start, and a few are
shortened or cancelled. The pipeline reads the organization every third week, so that it has a history.
"""

import re
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from calcom.strategy import Strategy
from flows.report.queries import run_sql
from flows.report.render import render
from flows.run import stages as pipeline
from flows.run.context import open_run
from flows.run.progress import SilentListener
from flows.settings import Settings, load_settings
from flows.settings.data_folder import landing_root
from landing.folder import create_landing
from landing.run_facts import RunFacts

GUIDE = Path(__file__).parent / "analyst-guide.md"
FIRST_NIGHT, LAST_NIGHT = datetime(2026, 1, 5, 3), datetime(2026, 11, 16, 3)  # noqa: DTZ001 - UTC, zoneless
NIGHTS_APART = timedelta(days=21)
CUSTOM_REASON_ID = 6
"""The id of a custom reason. Its name is not part of the records, as with Cal.com."""

CALENDARS = """\
default = "berlin"
[calendars.berlin]
country = "DE"
subdivision = "BE"
"""
_BLOCK = re.compile(r"```sql\n(?P<query>.*?)```\n\n```text\n.*?```", flags=re.DOTALL)


def answered(guide: str, database: Path) -> str:
    """Return `guide` with the result of each query below the query, as `ooo query` prints it."""

    def run_block(block: re.Match[str]) -> str:
        result = render(run_sql(database, block["query"]), "table")
        return f"```sql\n{block['query']}```\n\n```text\n{result}\n```"

    return _BLOCK.sub(run_block, guide)


def publish_example(folder: Path) -> Path:
    """Publish the invented organization and its year into `folder`, and return the published database."""
    world = World.generate(people=80, years=3, seed=11)
    later_records = _take_later_records(world)
    calendars = folder / "calendars.toml"
    calendars.write_text(CALENDARS, encoding="utf-8")
    with serve(Simulator(world, limits=None)) as server:
        settings = load_settings(
            _env_file=None,
            CALCOM_API_URL=server.url,
            CALCOM_API_KEY=OWNER_KEY,
            CALCOM_ORG_ID=1,
            OOO_ORG_NAME="Acme",
            OOO_DATA_DIR=folder / "data",
            OOO_CALENDARS=calendars,
            OOO_TEAMS=True,
            OOO_BRADFORD=True,
        )
        settings.resume_hours = 1e6  # each landing has a date in the past, and is to be resumed
        night = FIRST_NIGHT
        while night <= LAST_NIGHT:
            _change_plans(world, until=night)
            _add_records(world, later_records, until=night)
            _read(settings, night, publishes=night + NIGHTS_APART > LAST_NIGHT)
            night += NIGHTS_APART
    return folder / "data" / "ooo.duckdb"


def _take_later_records(world: World) -> list[tuple[datetime, int, dict[str, object]]]:
    """Delete the entries that are made after the first night, and return them by the time at which they are."""
    later_records = []
    for record in world.entries():
        starts_at = datetime.fromisoformat(record["start"]).replace(tzinfo=None)
        lead_days = 1 if record.get("reason") == "sick" else 20 + 37 * record["id"] % 120
        entered_at = starts_at - timedelta(days=lead_days)
        if entered_at > FIRST_NIGHT:
            world.delete_entry(record["id"])
            later_records.append((entered_at, record["id"], record))
    return sorted(later_records, key=lambda later: later[:2])


def _change_plans(world: World, *, until: datetime) -> None:
    """Cancel or shorten some of the entries that start after `until`."""
    for record in world.entries():
        start, end = (datetime.fromisoformat(record[name]).replace(tzinfo=None) for name in ("start", "end"))
        if start > until and record["id"] % 29 == until.day % 29:
            if (end - start).days > 2 and record["id"] % 2:  # noqa: PLR2004 - half of the longer ones
                world.update_entry(record["id"], end=(end - timedelta(days=2)).date())
            else:
                world.delete_entry(record["id"])


def _add_records(
    world: World, later_records: list[tuple[datetime, int, dict[str, object]]], *, until: datetime
) -> None:
    """Add the entries that are made by `until`, and remove them from `later_records`."""
    while later_records and later_records[0][0] <= until:
        _, _, record = later_records.pop(0)
        world.add_entry(
            record["userId"],
            datetime.fromisoformat(record["start"]).date(),
            datetime.fromisoformat(record["end"]).date(),
            reason=record.get("reason", CUSTOM_REASON_ID),
            notes=record["notes"],
            to_user_id=record["toUserId"],
        )


def _read(settings: Settings, night: datetime, *, publishes: bool) -> None:
    facts = RunFacts(
        run_id=f"{night:%Y%m%dT%H%M%S%f}Z-example",
        started_at=night,
        api_url=settings.api_url,
        organization_id=1,
        strategy=Strategy.AUTO.value,
        page_size=settings.page_size,
        keeps_notes=settings.keeps_notes,
    )
    create_landing(landing_root(settings), facts)
    with open_run(settings, strategy=Strategy.AUTO, listener=SilentListener()) as run:
        pipeline.extract(run)
        pipeline.load(run)
        if publishes:
            pipeline.publish(run)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        published = publish_example(Path(scratch))
        if sys.argv[1:]:
            sys.stdout.write(render(run_sql(published, sys.argv[1]), "table") + "\n")
        else:
            GUIDE.write_text(answered(GUIDE.read_text(encoding="utf-8"), published), encoding="utf-8")
