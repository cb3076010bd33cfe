"""Write the two report pages: one for colleagues, and one with reasons and measures for the owner of the files.

Each page is one HTML file with its facts, styles and script in it, and loads nothing else.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from flows.report.page_facts import away_json, report_json
from flows.settings import Settings
from flows.settings.data_folder import OWNER_REPORT, require_publication
from flows.settings.errors import ConfigurationError
from landing.files import write_atomically
from warehouse.connection import open_publication
from warehouse.errors import WarehouseError
from warehouse.read.report import read_away_facts, read_measure_facts

AWAY_PAGE = "out-of-office.html"

_SHARED_SCRIPTS = ("dates", "dom", "facts", "view", "holidays", "today", "board", "changes")
_MEASURE_SCRIPTS = ("charts", "range", "covers", "teams", "persons", "trust")
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (const|function) (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Pages:
    """The HTML texts of the two pages."""

    away: str
    """The page for colleagues: who is away when, without reasons and measures."""
    report: str
    """The page for the owner of the files: the same with reasons, and all measures."""


def report_path(settings: Settings) -> Path:
    """Return the path of the page for colleagues, which each publication writes."""
    return settings.data_dir / "reports" / AWAY_PAGE


def owner_report_path(settings: Settings) -> Path:
    """Return the path of the page with reasons and measures, which each publication writes."""
    return settings.data_dir / "reports" / OWNER_REPORT


def write_pages(connection: duckdb.DuckDBPyConnection, database: Path, settings: Settings) -> None:
    """Write both pages about the published `database`, which `connection` uses. Raises as both steps."""
    save_pages(build_pages(connection, database), settings)


def save_pages(pages: Pages, settings: Settings) -> tuple[Path, Path]:
    """Write both pages, each file atomically, and return their paths.

    The page with reasons is readable by the owner alone, for every value of OOO_SHARE. Raises `WarehouseError` if the
    disk fails.
    """
    paths = report_path(settings), owner_report_path(settings)
    for path, text, permissions in zip(paths, (pages.away, pages.report), (0o666, 0o600), strict=True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with write_atomically(path, permissions=permissions) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            message = (
                f"can't write the report page {path}: {error}; free disk space or correct the permissions"
            )
            raise WarehouseError(message) from error
    return paths


def read_pages(database: Path) -> Pages:
    """Return both pages about the published `database`. Raises as `build_pages`, and if it is missing or damaged."""
    require_publication(database)
    with open_publication(database) as connection:
        return build_pages(connection, database)


def build_pages(connection: duckdb.DuckDBPyConnection, database: Path) -> Pages:
    """Return both pages about the published `database`, which `connection` uses.

    Raises `ConfigurationError` if it has no finished run.
    """
    facts = read_away_facts(connection)
    if facts is None:
        message = f"{database} holds no finished run yet; run `ooo sync`"
        raise ConfigurationError(message)
    away = away_json(facts)
    return Pages(
        away=_page(
            away,
            title="Out of office",
            footer=(
                "This page lists absent people and their dates. It has no reasons and no measures, and needs no"
                " network."
            ),
            styles=("page",),
            scripts=(*_SHARED_SCRIPTS, "start_away"),
        ),
        report=_page(
            report_json(away, facts, read_measure_facts(connection, facts)),
            title="Absence report",
            footer=(
                "Confidential: this page has reasons and measures by person. A day counts once per person, even if"
                " several entries cover it. Working days follow the work calendar of each person."
                " <code>ooo query</code> returns every figure of this page."
            ),
            styles=("page", "measures"),
            scripts=(*_SHARED_SCRIPTS, *_MEASURE_SCRIPTS, "start_report"),
            measures=_part("measures.html"),
        ),
    )


def _page(  # noqa: PLR0913 - the parts of a page
    facts: Mapping[str, Any],
    *,
    title: str,
    footer: str,
    styles: tuple[str, ...],
    scripts: tuple[str, ...],
    measures: str = "",
) -> str:
    text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
    parts = {
        "title": title,
        "footer": f"<p>{footer}</p>",
        "measures": measures,
        "styles": "".join(_part(f"{name}.css") for name in styles),
        "script": _bundle(scripts),
        # Without "<", so that a name from outside cannot end the script element.
        "facts": text.replace("<", "\\u003c"),
    }
    # One pass, so that no marker in a part is replaced.
    return re.sub(r"<!--(\w+)-->", lambda marker: parts[marker[1]], _part("page.html"))


def _bundle(names: tuple[str, ...]) -> str:
    """Return the modules as one script, each as a function that returns its exports. A module follows its imports."""
    modules = []
    for name in names:
        text = _part(f"{name}.js")
        exports = ", ".join(match[2] for match in _EXPORT.finditer(text))
        body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(r"const \1 = \2Module;", text))
        modules.append(f"const {name}Module = (() => {{\n{body}return {{ {exports} }};\n}})();\n")
    return f'"use strict";\n{"".join(modules)}'


def _part(name: str) -> str:
    return files("flows.report").joinpath("assets", name).read_text(encoding="utf-8")
