"""Find the measures: the table macros of ooo.duckdb, each declared in the header of its own SQL file."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from warehouse.connection import read_statement

_FIELDS = ("Purpose", "Grain", "Formula", "Source", "Caveats", "Second run")


@dataclass(frozen=True)
class Measure:
    """One table macro: its parameters, and the facts that the header of its file declares."""

    name: str
    parameters: tuple[str, ...]
    """The parameters without a default value. A call must have a value for each of them."""
    options: tuple[str, ...]
    """The parameters with a default value, each as `name := value`."""
    purpose: str
    grain: str
    formula: str
    source: str
    caveats: str
    switch: str | None
    """The setting that must be on for the macro to be published; None if it always is."""

    @property
    def comment(self) -> str:
        """The comment of the macro."""
        return (
            f"{self.purpose} One row: {self.grain}. Formula: {self.formula} Source: {self.source}"
            f" Caveats: {self.caveats}"
        )

    @property
    def statement(self) -> str:
        """The name of the statement that creates the macro, for `run_statement`."""
        return f"publish/macros/create_{self.name}"


@cache
def find_measures() -> tuple[Measure, ...]:
    """Return every measure with a file in `warehouse/publish/macros`. Raise as `parse_measure` does.

    The order is the one in which the macros can be created: a measure follows the measures that it uses. Otherwise
    they are ordered by name.
    """
    texts = read_folder("publish/macros")
    return tuple(parse_measure(texts[name]) for name in order_by_use(texts))


def qualify(measure: Measure, tables: Collection[str], measures: Collection[Measure]) -> str:
    """Return the statement that creates the macro in the schema `attached` of a database with the alias `ooo`.

    DuckDB looks for the unqualified tables and macros of a macro in the current database of the caller. In the
    statement they are qualified, so that the macro works in an attached database that is not the current one.
    """
    text = read_statement(measure.statement)
    schemas = dict.fromkeys(tables, "ooo.main") | {macro.name: "ooo.attached" for macro in measures}
    for common_table_expression in re.findall(r"\b(\w+) AS (?:MATERIALIZED )?\(", text):
        schemas.pop(common_table_expression, None)

    def add_schema(match: re.Match[str]) -> str:
        keyword, name = match.groups()
        return f"{keyword} {schemas[name]}.{name}" if name in schemas else match[0]

    return re.sub(r"\b(FROM|JOIN|REPLACE MACRO) (\w+)", add_schema, text)


def read_folder(folder: str) -> dict[str, str]:
    """Return the text of each `create_NAME.sql` in `warehouse/<folder>` by `NAME`, ascending."""
    files_there = sorted(entry.name for entry in files("warehouse").joinpath(folder).iterdir())
    names = [name.removesuffix(".sql") for name in files_there if name.endswith(".sql")]
    return {name.removeprefix("create_"): read_statement(f"{folder}/{name}") for name in names}


def order_by_use(texts: Mapping[str, str]) -> list[str]:
    """Return the names of `texts`, each after the names from which its text selects."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for used in re.findall(r"(?:FROM|JOIN) (\w+)", texts[name]):
            if used in texts and used != name and used not in ordered:
                add(used)
        ordered.setdefault(name)

    for name in texts:
        add(name)
    return list(ordered)


def parse_header(
    name: str, header: str, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, str]:
    """Return the fields of a statement's header. Raise `ValueError` if one of `required` is missing or empty."""
    text = " ".join(line[2:].strip() for line in header.splitlines())
    parts = re.split(rf"(?:^| )({'|'.join((*required, *optional))}): ?", text)
    fields = {key: value.strip() for key, value in zip(parts[1::2], parts[2::2], strict=True)}
    missing = [field for field in required if not fields.get(field)]
    if missing:
        raise ValueError(f"the header of create_{name}.sql lacks {', '.join(missing)}")
    return fields


def parse_measure(text: str) -> Measure:
    """Return the measure that the SQL in `text` creates. Raise `ValueError` if its header lacks a field."""
    created = re.search(r"^CREATE OR REPLACE MACRO (\w+)\(([\w, :=]+)\) AS TABLE$", text, flags=re.MULTILINE)
    if created is None:
        raise ValueError(f"expected CREATE OR REPLACE MACRO name(parameters) AS TABLE, found {text[:80]!r}")
    name, parameters = created.groups()
    fields = parse_header(name, text[: created.start()], _FIELDS, optional=("Switch",))
    return Measure(
        name=name,
        parameters=tuple(part for part in parameters.split(", ") if ":=" not in part),
        options=tuple(part for part in parameters.split(", ") if ":=" in part),
        purpose=fields["Purpose"],
        grain=fields["Grain"].removesuffix("."),
        formula=fields["Formula"],
        source=fields["Source"],
        caveats=fields["Caveats"],
        switch=fields.get("Switch"),
    )
