"""What is published: the declarations of `transforms`, as the warehouse takes them, and the measures."""

from typing import Literal

from transforms.columns import NOTES
from transforms.days import FIRST_DAY, LAST_DAY
from transforms.schema import ENTRIES, PUBLISHED
from transforms.table import Column, Personal, Table
from warehouse.load.audit import Expectations
from warehouse.publish.measures import Measure, find_measures
from warehouse.tables import PublishedColumn, PublishedTable

EXPECTED = Expectations(horizon_first_on=FIRST_DAY, horizon_last_on=LAST_DAY)
"""What audits take for sound."""


def published_tables(*, publishes_notes: bool, pseudonymises: bool = False) -> list[PublishedTable]:
    """Every published table, in order; `fct_ooo_entries` has the notes only if they are published.

    With `pseudonymises` a pseudonym stands for each person, and nothing for what names them in words.
    """
    return [
        _published(
            table,
            extra=(NOTES,) if publishes_notes and table is ENTRIES else (),
            pseudonymises=pseudonymises,
        )
        for table in PUBLISHED
    ]


def published_measures(*, publishes_bradford: bool) -> list[Measure]:
    """Every measure that is published, by name: a measure with a switch only if that is on."""
    return [one for one in find_measures() if one.switch is None or publishes_bradford]


def _published(table: Table, *, extra: tuple[Column, ...], pseudonymises: bool) -> PublishedTable:
    return PublishedTable(
        name=table.name,
        grain=table.grain,
        key=table.key,
        columns=tuple(
            PublishedColumn(
                column.name,
                column.sql_type,
                column.is_nullable,
                column.meaning,
                is_personal=column.personal is not None,
                shown_as=_SHOWN_AS[column.personal] if pseudonymises else "itself",
            )
            for column in (*table.columns, *extra)
        ),
    )


_SHOWN_AS: dict[Personal | None, Literal["itself", "pseudonym", "null"]] = {
    None: "itself",
    Personal.ID: "pseudonym",
    Personal.TEXT: "null",
}
