"""Find the remains of a text in a data folder: in the bytes of files, and in their decoded values."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq


def find_remains(folder: Path, *texts: str) -> list[str]:
    """Return each file that still contains one of `texts`, as bytes or in a decoded value."""
    return [
        f"{path.relative_to(folder)}: {remain}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for remain in _remains_in(path, texts)
    ]


def _remains_in(path: Path, texts: tuple[str, ...]) -> Iterator[str]:
    content, decoded = path.read_bytes(), "\n".join(map(str, _decoded(path)))
    for text in texts:
        if any(text.encode(code) in content for code in ("utf-8", "utf-16-le", "utf-16-be")):
            yield f"bytes of {text}"
        if text in decoded:
            yield f"decoded {text}"


def _decoded(path: Path) -> Iterator[Any]:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            yield file.schema_arrow.metadata
            yield file.metadata.metadata
            for column in file.read().columns:
                yield from column.to_pylist()
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
            for schema, table in tables:
                yield from connection.execute(f"FROM {schema}.{table}").fetchall()
