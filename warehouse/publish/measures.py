"""The measures: every table macro of ooo.duckdb, as the header of its own SQL file declares it."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from warehouse.connection import read_statement

_FIELDS = ("Purpose", "Grain", "Formula", "Source", "Caveats", "Switch", "Second run")


@dataclass(frozen=True)
class Measure:
    """One table macro: what it takes, what it gives, how that is counted, and what not to read into it."""

    name: str
    parameters: tuple[str, ...]
    purpose: str
    grain: str
    formula: str
    source: str
    caveats: str
    switch: str | None
    """The setting without which it is not published at all."""

    @property
    def statement(self) -> str:
        """The statement that creates it, for `run_statement`."""
        return f"publish/macros/create_{self.name}"


@cache
def find_measures() -> tuple[Measure, ...]:
    """Every measure that has a file in `warehouse/macros/`, by name. Raises as `parse_measure`."""
    names = sorted(entry.name for entry in files("warehouse").joinpath("publish/macros").iterdir())
    return tuple(
        parse_measure(read_statement(f"publish/macros/{name.removesuffix('.sql')}"))
        for name in names
        if name.endswith(".sql")
    )


def parse_measure(text: str) -> Measure:
    """The measure that the SQL in `text` creates. `ValueError` names the field that its header lacks."""
    created = re.search(r"^CREATE OR REPLACE MACRO (\w+)\(([\w, ]+)\) AS TABLE$", text, flags=re.MULTILINE)
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
        parameters=tuple(parameters.split(", ")),
        purpose=fields["Purpose"],
        grain=fields["Grain"].removesuffix("."),
        formula=fields["Formula"],
        source=fields["Source"],
        caveats=fields["Caveats"],
        switch=fields.get("Switch"),
    )
