"""Find the views of ooo.duckdb, each declared with its columns in the header of its own SQL file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from warehouse.publish.measures import order_by_use, parse_header, read_folder

_FIELDS = ("Purpose", "Grain", "Caveats", "Second run", "Columns")


@dataclass(frozen=True)
class View:
    """One view: the facts that the header of its file declares, and the meaning of each column, in order."""

    name: str
    purpose: str
    grain: str
    caveats: str
    columns: Mapping[str, str]

    @property
    def statement(self) -> str:
        """The name of the statement that creates the view, for `run_statement`."""
        return f"publish/views/create_{self.name}"

    @property
    def comment(self) -> str:
        """The comment of the view."""
        return f"{self.purpose} One row: {self.grain}. Caveats: {self.caveats}"


@cache
def find_views() -> tuple[View, ...]:
    """Return every view with a file in `warehouse/publish/views`. Raise as `parse_view` does.

    A view follows the views that it uses. Otherwise they are ordered by name.
    """
    texts = read_folder("publish/views")
    return tuple(parse_view(texts[name]) for name in order_by_use(texts))


def parse_view(text: str) -> View:
    """Return the view that the SQL in `text` creates. Raise `ValueError` if its header lacks a field."""
    created = re.search(r"^CREATE OR REPLACE VIEW (\w+) AS$", text, flags=re.MULTILINE)
    if created is None:
        raise ValueError(f"expected CREATE OR REPLACE VIEW name AS, found {text[:80]!r}")
    header = text[: created.start()]
    fields = parse_header(created[1], header, _FIELDS)
    columns = re.findall(r"^--   (\w+): (.*(?:\n--     .*)*)", header, flags=re.MULTILINE)
    return View(
        name=created[1],
        purpose=fields["Purpose"],
        grain=fields["Grain"].removesuffix("."),
        caveats=fields["Caveats"],
        columns={column: re.sub(r"\n-- +", " ", meaning) for column, meaning in columns},
    )
