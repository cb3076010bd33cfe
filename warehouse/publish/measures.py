"""Find the measures: the table macros of ooo.duckdb, each declared in the header of its own SQL file."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from warehouse.connection import read_statement

_FIELDS = ("Purpose", "Grain", "Formula", "Source", "Caveats", "Switch", "Second run")


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
    def statement(self) -> str:
        """The name of the statement that creates the macro, for `run_statement`."""
        return f"publish/macros/create_{self.name}"


@cache
def find_measures() -> tuple[Measure, ...]:
    """Return every measure with a file in `warehouse/publish/macros`. Raise as `parse_measure` does.

    The order is the one in which the macros can be created: a measure follows the measures that it uses. Otherwise
    they are ordered by name.
    """
    names = sorted(entry.name for entry in files("warehouse").joinpath("publish/macros").iterdir())
    texts = [
        read_statement(f"publish/macros/{name.removesuffix('.sql')}")
        for name in names
        if name.endswith(".sql")
    ]
    measures = {parse_measure(text).name: (parse_measure(text), text) for text in texts}
    ordered: dict[str, Measure] = {}

    def add(name: str) -> None:
        measure, text = measures[name]
        for used in re.findall(r"(?:FROM|JOIN) (\w+)\(", text):
            if used in measures and used not in ordered:
                add(used)
        ordered.setdefault(name, measure)

    for name in measures:
        add(name)
    return tuple(ordered.values())


def parse_measure(text: str) -> Measure:
    """Return the measure that the SQL in `text` creates. Raise `ValueError` if its header lacks a field."""
    created = re.search(r"^CREATE OR REPLACE MACRO (\w+)\(([\w, :=]+)\) AS TABLE$", text, flags=re.MULTILINE)
    if created is None:
        raise ValueError(f"expected CREATE OR REPLACE MACRO name(parameters) AS TABLE, found {text[:80]!r}")
    name, parameters = created.groups()
    header = " ".join(line[2:].strip() for line in text[: created.start()].splitlines())
    parts = re.split(rf"(?:^| )({'|'.join(_FIELDS)}): ", header)
    fields = dict(zip(parts[1::2], parts[2::2], strict=True))
    missing = [field for field in _FIELDS if field != "Switch" and not fields.get(field)]
    if missing:
        raise ValueError(f"the header of create_{name}.sql lacks {', '.join(missing)}")
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
