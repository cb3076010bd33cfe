"""Writes docs/data-dictionary.md and docs/settings.md from the code that they describe.

python docs/build.py
"""

from importlib.resources import files
from pathlib import Path

from flows.query import NAMED
from flows.settings import Settings
from transforms.reasons import PRECEDENCE
from transforms.schema import NOTES, PUBLISHED, Table

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
        "## Macros",
        "Each takes `(from_date, to_date)`, both included, and stands in a `FROM`:"
        " `FROM absence_by_reason('2026-01-01', '2026-12-31')`.",
        _grid(("macro", "what it gives", "grain"), [(f"`{name}`", *_macro(name)) for name in NAMED]),
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
        "# Settings\n\nMade by `python docs/build.py` from `flows/settings.py`; a test keeps the two equal."
        " Set them in the environment or in a `.env` file; the environment wins.\n\n"
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


def _macro(name: str) -> tuple[str, str]:
    text = files("warehouse").joinpath(f"macros/create_{name}.sql").read_text(encoding="utf-8")
    header = " ".join(line[2:].strip() for line in text.splitlines() if line.startswith("--"))
    purpose, _, rest = header.removeprefix("Purpose: ").partition(" Grain: ")
    return purpose, rest.partition(". ")[0]


def _grid(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    (DOCS / "data-dictionary.md").write_text(data_dictionary(), encoding="utf-8")
    (DOCS / "settings.md").write_text(settings_reference(), encoding="utf-8")
