"""Writes docs/data-dictionary.md and docs/settings.md from the code that they describe.

python docs/build.py
"""

from pathlib import Path

import duckdb

from flows.settings import Settings
from transforms.columns import NOTES
from transforms.reasons import PRECEDENCE
from transforms.schema import PUBLISHED
from transforms.table import Table
from warehouse.connection import read_statement
from warehouse.load.audit import AUDITS
from warehouse.publish.measures import Measure, find_measures

DOCS = Path(__file__).parent


def data_dictionary() -> str:
    """Every published table, macro and reason, as Markdown."""
    parts = [
        "# Data dictionary",
        "Made by `python docs/build.py` from `transforms/schema.py`; a test keeps the two equal. The same"
        " texts are comments in `ooo.duckdb`. Instants (`…_at`) are UTC without a zone; dates (`…_on`) are"
        " civil dates, and no time zone is ever applied to them.",
        *(_table(table) for table in PUBLISHED),
        f"With `OOO_NOTES=publish`, `fct_ooo_entries` has one more column: `{NOTES.name}`, {NOTES.meaning}.",
        "## Reasons",
        "The first that applies counts where a person's entries overlap on a day.",
        _grid(
            ("sort_order", "reason", "label", "named by Cal.com"),
            [
                (str(order), f"`{one.code}`", one.label, "yes" if one.is_standard else "no")
                for order, one in enumerate(PRECEDENCE, start=1)
            ],
        ),
        "## Audits",
        "What is checked before each publication; [audits](audits.md) says how. Beside these, every published"
        " table has an audit of its key and one of the values it must have, and `counts_agree` compares the"
        " rows of `ooo.duckdb`, the Parquet files and the manifest.",
        _grid(
            ("audit", "severity", "promise"),
            [(f"`{one.name}`", one.severity, one.promise) for one in AUDITS],
        ),
        "## Macros",
        "Each takes `(from_date, to_date)`, both included, and stands in a `FROM`:"
        " `FROM absence_by_reason('2026-01-01', '2026-12-31')`. `ooo query NAME --from … --to …` asks the"
        " same. Averages, medians and shares are not rounded; the median of an even number of values is the"
        " mean of the middle two; a share of nothing is null. Every macro is compared with a second"
        " engine of plain loops over invented organizations.",
        _grid(
            ("macro", "what it gives", "grain"),
            [(f"[`{one.name}`](#{one.name})", one.purpose, one.grain) for one in find_measures()],
        ),
        *_measures(),
    ]
    return "\n\n".join(parts) + "\n"


def settings_reference() -> str:
    """Every setting, as Markdown."""
    rows = []
    for field in Settings.model_fields.values():
        default = field.default
        shown = "" if default is None else f"`{getattr(default, 'value', default)}`"
        rows.append((f"`{field.alias}`", shown, field.description or ""))
    return (
        "# Settings\n\nMade by `python docs/build.py` from `flows/settings/model.py`; a test keeps the two"
        " equal. Set them in the environment or in a `.env` file; the environment wins.\n\n"
        + _grid(("variable", "default", "meaning"), rows)
        + "\n"
    )


def _table(table: Table) -> str:
    columns = [
        (f"`{one.name}`", one.sql_type, "yes" if one.is_nullable else "", one.meaning)
        for one in table.columns
    ]
    key = ", ".join(f"`{name}`" for name in table.key)
    return f"## {table.name}\n\nOne row: {table.grain}. Key: {key}.\n\n" + _grid(
        ("column", "type", "null", "meaning"), columns
    )


def _measures() -> list[str]:
    """A section for each macro; its columns are asked of DuckDB, over empty tables."""
    with duckdb.connect() as connection:
        for table in PUBLISHED:
            columns = ", ".join(f"{column.name} {column.sql_type}" for column in table.columns)
            connection.execute(f"CREATE TABLE {table.name} ({columns})").fetchall()
        for measure in find_measures():
            connection.execute(read_statement(measure.statement)).fetchall()
        return [_measure(connection, measure) for measure in find_measures()]


def _measure(connection: duckdb.DuckDBPyConnection, measure: Measure) -> str:
    arguments = ", ".join("'2026-01-01'" for _ in measure.parameters)
    described = connection.execute(f"DESCRIBE FROM {measure.name}({arguments})").fetchall()
    columns = ", ".join(f"`{name}` {sql_type}" for name, sql_type, *_ in described)
    published = f" Published only with `{measure.switch}=true`." if measure.switch else ""
    return "\n".join(
        (
            f"### {measure.name}",
            "",
            f"`{measure.name}({', '.join(measure.parameters)})`: {measure.purpose}{published}",
            "",
            f"- Formula: {measure.formula}",
            f"- Source: {measure.source}",
            f"- Caveats: {measure.caveats}",
            f"- One row: {measure.grain}. Columns: {columns}.",
        )
    )


def _grid(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    (DOCS / "data-dictionary.md").write_text(data_dictionary(), encoding="utf-8")
    (DOCS / "settings.md").write_text(settings_reference(), encoding="utf-8")
