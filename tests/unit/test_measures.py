"""A measure is what its SQL file's header says, and no header may keep silent."""

import pytest

from warehouse.connection import read_statement
from warehouse.publish.measures import find_measures, parse_measure

HEADER = "-- Purpose: p. -- Grain: g. -- Formula: a /\n--   b. -- Source: s. -- Caveats: c. -- Second run: r."
STATEMENT = "CREATE OR REPLACE MACRO some_rate(from_date, to_date) AS TABLE\nSELECT 1;"


def _text(without: str = "", switch: str = "") -> str:
    lines = [
        line for line in HEADER.replace(" -- ", "\n-- ").splitlines() if not without or without not in line
    ]
    return "\n".join([*lines, *([f"-- Switch: {switch}"] if switch else []), STATEMENT])


def test_a_header_is_read_field_by_field_over_its_lines() -> None:
    measure = parse_measure(_text(switch="OOO_SOME"))
    assert (measure.name, measure.parameters) == ("some_rate", ("from_date", "to_date"))
    assert (measure.purpose, measure.grain, measure.formula) == ("p.", "g", "a / b.")
    assert (measure.source, measure.caveats, measure.switch) == ("s.", "c.", "OOO_SOME")
    assert parse_measure(_text()).switch is None


@pytest.mark.parametrize("field", ["Purpose", "Grain", "Formula", "Source", "Caveats", "Second run"])
def test_a_header_that_lacks_a_field_is_refused_by_name(field: str) -> None:
    with pytest.raises(ValueError, match=f"create_some_rate.sql lacks {field}"):
        parse_measure(_text(without=f"{field}:"))


def test_every_measure_is_named_as_its_file_and_takes_a_range_of_dates() -> None:
    for measure in find_measures():
        assert f"MACRO {measure.name}(" in read_statement(measure.statement)
        assert measure.parameters[-2:] == ("from_date", "to_date"), measure.name
    assert [one.name for one in find_measures()] == sorted(one.name for one in find_measures())
