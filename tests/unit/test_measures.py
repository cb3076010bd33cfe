"""Test the measures: their facts are read from the headers of their SQL files."""

import re

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


def test_the_fields_of_a_header_are_read_over_several_lines() -> None:
    measure = parse_measure(_text(switch="OOO_SOME"))
    assert (measure.name, measure.parameters) == ("some_rate", ("from_date", "to_date"))
    assert (measure.purpose, measure.grain, measure.formula) == ("p.", "g", "a / b.")
    assert (measure.source, measure.caveats, measure.switch) == ("s.", "c.", "OOO_SOME")
    assert parse_measure(_text()).switch is None


@pytest.mark.parametrize("field", ["Purpose", "Grain", "Formula", "Source", "Caveats", "Second run"])
def test_a_header_without_a_required_field_is_an_error_that_names_the_field(field: str) -> None:
    with pytest.raises(ValueError, match=f"create_some_rate.sql lacks {field}"):
        parse_measure(_text(without=f"{field}:"))


def test_every_measure_has_the_name_of_its_file_and_takes_a_range_of_dates() -> None:
    for measure in find_measures():
        assert f"MACRO {measure.name}(" in read_statement(measure.statement)
        assert measure.parameters[-2:] == ("from_date", "to_date"), measure.name


def test_a_measure_follows_the_measures_that_it_uses() -> None:
    created: set[str] = set()
    names = {measure.name for measure in find_measures()}
    for measure in find_measures():
        used = set(re.findall(r"(?:FROM|JOIN) (\w+)\(", read_statement(measure.statement))) & names
        assert used <= created, measure.name
        created.add(measure.name)


def test_a_parameter_with_a_default_value_is_an_option() -> None:
    text = _text().replace("to_date)", "to_date, until_snapshot := true)")
    measure = parse_measure(text)
    assert measure.parameters == ("from_date", "to_date")
    assert measure.options == ("until_snapshot := true",)
