"""The errors of DuckDB name the way out if a resource has run out."""

import duckdb
import pytest

from warehouse.connection import explain


@pytest.mark.parametrize(
    ("error", "way_out"),
    [
        (duckdb.OutOfMemoryException("failed to allocate\nmore"), "; raise OOO_MEMORY_LIMIT"),
        (
            duckdb.TransactionException("Could not write file: No space left on device"),
            "; free disk space and run again",
        ),
        (duckdb.IOException("Could not read file"), ""),
    ],
)
def test_an_error_of_a_spent_resource_names_the_way_out(error: duckdb.Error, way_out: str) -> None:
    assert explain(error) == str(error).partition("\n")[0] + way_out
