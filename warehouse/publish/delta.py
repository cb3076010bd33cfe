"""Commit Delta Lake tables that consist of the Parquet files of a generation; no row is written twice.

Each commit drops the files of the previous generation and adds those of this one, and names the generation and
the run. The folder of a table holds one folder of files per generation. When a generation is pruned, its versions
can no longer be read. Instants are `timestamp_ntz`. This module needs the extra `delta`.
"""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable, Field, Schema, TableFeatures
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, CommitProperties, create_table_with_add_actions

from warehouse.errors import WarehouseError
from warehouse.publish.generation import Generation
from warehouse.publish.targets import PublishTarget
from warehouse.tables import PublishedTable

INSTANTS = "timestampNtz"


def commit_delta(
    target: PublishTarget, generation: Generation, tables: Sequence[PublishedTable]
) -> dict[str, int]:
    """Commit the generation to every Delta table at `target`, and return the new version per table."""
    return {table.name: _commit_table(target, generation, table) for table in tables}


def _commit_table(target: PublishTarget, generation: Generation, table: PublishedTable) -> int:
    uri = target.delta_uri(table.name)
    files = [str(facts["file"]) for facts in generation.files_of(table.name)]
    for file in files:
        target.add_delta_file(generation, file, f"{table.name}/{generation.name}/{file}")
    schema = _schema(generation, files[0], table)
    actions = [_add_action(generation, file) for file in files]
    commit = CommitProperties(
        custom_metadata={"generation": generation.name, "run_id": generation.manifest["run_id"]}
    )
    try:
        if not DeltaTable.is_deltatable(uri):
            create_table_with_add_actions(
                uri, schema, actions, name=table.name, description=table.comment, commit_properties=commit
            )
            return 0
        delta = DeltaTable(uri)
        if _has_instants(schema) and INSTANTS not in (delta.protocol().reader_features or ()):
            # A commit with such a column and without the feature leaves a table that no program can open.
            delta.alter.add_feature(
                TableFeatures.TimestampWithoutTimezone, allow_protocol_versions_increase=True
            )
            delta = DeltaTable(uri)
        delta.create_write_transaction([*actions], "overwrite", schema, commit_properties=commit)
        delta.update_incremental()
        return delta.version()
    except (DeltaError, OSError) as error:
        reason = str(error).partition("\n")[0][:300]
        message = (
            f"can't write the Delta table {table.name} at {uri}: {reason}; the last publication"
            " stands. If the table is damaged, remove its folder, then run again"
        )
        raise WarehouseError(message) from error


def _schema(generation: Generation, file: str, table: PublishedTable) -> Schema:
    """Return the columns of the file, with their meanings as comments."""
    fields = Schema.from_arrow(pq.read_schema(generation.folder / file)).fields
    return Schema(
        [
            Field(field.name, field.type, nullable=column.is_nullable, metadata={"comment": column.meaning})
            for field, column in zip(fields, table.columns, strict=True)
        ]
    )


def _has_instants(schema: Schema) -> bool:
    return any(str(field.type) == 'PrimitiveType("timestamp_ntz")' for field in schema.fields)


def _add_action(generation: Generation, file: str) -> AddAction:
    """Describe the file for the log, with the span of its days, by which engines skip files."""
    path = generation.folder / file
    metadata = pq.read_metadata(path)
    stats: dict[str, Any] = {"numRecords": metadata.num_rows, "minValues": {}, "maxValues": {}}
    for index, name in enumerate(metadata.schema.names):
        spans = [
            metadata.row_group(group).column(index).statistics for group in range(metadata.num_row_groups)
        ]
        if name == "date_on" and spans and all(span is not None and span.has_min_max for span in spans):
            stats["minValues"][name] = min(span.min for span in spans).isoformat()
            stats["maxValues"][name] = max(span.max for span in spans).isoformat()
    stat = path.stat()
    return AddAction(
        path=f"{generation.name}/{file}",
        size=stat.st_size,
        partition_values={},
        modification_time=int(stat.st_mtime * 1000),
        data_change=True,
        stats=json.dumps(stats),
    )
