"""Write the report page: one HTML file with the facts, the styles, the script and the chart library in it."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from flows.settings import Settings
from flows.settings.data_folder import require_publication
from flows.settings.errors import ConfigurationError
from landing.files import write_atomically
from warehouse.errors import WarehouseError
from warehouse.read.facts import DAYS_SHOWN, ReportFacts, read_report_facts

REPORT_FILE = "out-of-office.html"
_SUMS = ("absence_days", "absence_working_days", "lost_working_days", "conflict_days")


def report_path(settings: Settings) -> Path:
    """Return the path of the page that each publication writes."""
    return settings.data_dir / "reports" / REPORT_FILE


def write_report(database: Path, path: Path) -> None:
    """Write the page about the published `database` to `path`, atomically.

    Raises `ConfigurationError` if nothing is published there, and `WarehouseError` if the disk fails.
    """
    require_publication(database)
    with duckdb.connect(str(database), read_only=True) as connection:
        write_page(connection, database, path)


def write_page(connection: duckdb.DuckDBPyConnection, database: Path, path: Path) -> None:
    """Write the page as `write_report` does, over a `connection` that uses the `database` already."""
    facts = read_report_facts(connection)
    if facts is None:
        message = f"{database} holds no finished run yet; run `ooo sync`"
        raise ConfigurationError(message)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as temporary:
            temporary.write_text(build_page(facts), encoding="utf-8")
    except OSError as error:
        message = f"can't write the report page {path}: {error}; free disk space or correct the permissions"
        raise WarehouseError(message) from error


def build_page(facts: ReportFacts) -> str:
    """Return the page as HTML, which loads nothing from outside."""
    text = json.dumps(_as_json(facts), separators=(",", ":"), ensure_ascii=False)
    page = _part("page.html")
    for marker, part in (
        ("<!--styles-->", _part("page.css")),
        ("<!--script-->", _part("page.js")),
        ("<!--charts-->", _part("vendor/echarts.min.js")),
        # The facts contain names from outside: they are inserted last, so that no marker in them is replaced,
        # and without "<", so that they cannot end the script element.
        ("<!--facts-->", text.replace("<", "\\u003c")),
    ):
        page = page.replace(marker, part, 1)
    return page


def _as_json(facts: ReportFacts) -> dict[str, Any]:
    return {
        "as_of": facts.as_of.isoformat(timespec="seconds"),
        "today_on": facts.as_of.date().isoformat(),
        "first_on": facts.first_on.isoformat(),
        "last_on": facts.last_on.isoformat(),
        "monday_on": facts.monday_on.isoformat(),
        "days_shown": DAYS_SHOWN,
        "reasons": facts.reasons,
        "organizations": [_organization(facts, organization) for organization in facts.organizations],
        "footer": (
            "A day counts once per person, even if several entries cover it. Working days follow the work"
            " calendar of each person. `ooo query` returns every figure of this page."
        ),
    }


def _organization(facts: ReportFacts, organization: dict[str, Any]) -> dict[str, Any]:
    organization_id = organization["organization_id"]

    def own(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["organization_id"] == organization_id]

    days, out, conflicts = own(facts.days), own(facts.out), own(facts.conflicts)
    return {
        **_plain(organization),
        **{name: _series(facts, days, name) for name in _SUMS},
        "available_working_days": _dense(
            facts,
            {row["date_on"]: row["available_working_days"] for row in own(facts.available_days)},
        ),
        "out": [_plain(row, without="of_rows") for row in out],
        "out_rows": out[0]["of_rows"] if out else 0,
        "conflicts": [_plain(row, without="of_rows") for row in conflicts],
        "conflicts_rows": conflicts[0]["of_rows"] if conflicts else 0,
        "runs": [_plain(row) for row in own(facts.runs)],
    }


def _series(facts: ReportFacts, days: Sequence[dict[str, Any]], name: str) -> dict[str, list[int]]:
    by_reason: dict[str, dict[date, int]] = {}
    for row in days:
        by_reason.setdefault(row["reason"], {})[row["date_on"]] = row[name]
    return {reason: _dense(facts, values) for reason, values in by_reason.items()}


def _dense(facts: ReportFacts, values: dict[date, int]) -> list[int]:
    """Return one number per day, from the page's first day to the last day that has a value."""
    if not values:
        return []
    numbers = [0] * ((max(values) - facts.first_on).days + 1)
    for day, value in values.items():
        numbers[(day - facts.first_on).days] = value
    return numbers


def _plain(row: dict[str, Any], without: str = "") -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, (date, datetime)) else value
        for name, value in row.items()
        if name != without
    }


def _part(name: str) -> str:
    return files("flows.report").joinpath(name).read_text(encoding="utf-8")
