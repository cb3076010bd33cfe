"""Commit Delta Lake tables that consist of the Parquet files of a generation; no row is written twice.

Each commit drops the files of the previous generation and adds those of this one, and names the generation and
the run. The folder of a table holds one folder of files per generation. When a generation is pruned, its versions
can no longer be read. Instants are `timestamp_ntz`. In the partitioned layout, tables of days are partitioned by the
columns `year` and `month`, which the files themselves do not have. This module needs the extra `delta`.

Source: the Delta transaction log protocol. A table with a feature of its own (`timestampNtz`) has writer version 7,
which must list every feature that its schema uses: `invariants` for columns that are NOT NULL. Spark refuses to open
a table whose schema uses a feature that the protocol does not list.
"""

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable, Field, Schema, TableFeatures
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, CommitProperties, create_table_with_add_actions

from warehouse.errors import WarehouseError
from warehouse.publish.generation import Generation
from warehouse.publish.targets import PublishTarget
from warehouse.tables import PublishedTable

FEATURES = {
    "timestampNtz": TableFeatures.TimestampWithoutTimezone,
    "invariants": TableFeatures.Invariants,
}
"""The features that a table with instants uses, by their names in the protocol."""

PARTITION_COLUMNS = ("year", "month")


def commit_delta(
    target: PublishTarget, generation: Generation, tables: Sequence[PublishedTable]
) -> dict[str, int]:
    """Commit the generation to every Delta table at `target`, and return the new version per table."""
    return {table.name: _commit_table(target, generation, table) for table in tables}


def _commit_table(target: PublishTarget, generation: Generation, table: PublishedTable) -> int:
    files = generation.files_of(table.name)
    partition_by = [name for name in PARTITION_COLUMNS if name in files[0]]
    uri = _open_location(target, table, partition_by)
    for facts in files:
        target.add_delta_file(generation, facts["file"], f"{table.name}/{generation.name}/{facts['file']}")
    schema = _schema(generation, files[0]["file"], table, partition_by)
    actions = [_add_action(generation, facts, partition_by) for facts in files]
    commit = CommitProperties(
        custom_metadata={"generation": generation.name, "run_id": generation.manifest["run_id"]}
    )
    try:
        if not DeltaTable.is_deltatable(uri):
            create_table_with_add_actions(
                uri,
                schema,
                actions,
                partition_by=partition_by,
                name=table.name,
                description=table.comment,
                commit_properties=commit,
            )
            return _add_features(DeltaTable(uri), schema).version()
        # A commit with an instant and without its feature leaves a table that no program can open.
        delta = _add_features(DeltaTable(uri), schema)
        delta.create_write_transaction(
            [*actions], "overwrite", schema, partition_by=partition_by, commit_properties=commit
        )
        delta.update_incremental()
        return delta.version()
    except (DeltaError, OSError) as error:
        reason = str(error).partition("\n")[0][:300]
        message = (
            f"can't write the Delta table {table.name} at {uri}: {reason}; the last publication"
            " stands. If the table is damaged, remove its folder, then run again"
        )
        raise WarehouseError(message) from error


def _open_location(target: PublishTarget, table: PublishedTable, partition_by: Sequence[str]) -> str:
    """Return the URI of the table. A table with other partition columns, of another layout, is removed first."""
    uri = target.delta_uri(table.name)
    with contextlib.suppress(DeltaError, OSError):  # a damaged table is reported by the commit
        if DeltaTable.is_deltatable(uri) and DeltaTable(uri).metadata().partition_columns != [*partition_by]:
            target.remove_delta_table(table.name)
    return target.delta_uri(table.name)


def _add_features(delta: DeltaTable, schema: Schema) -> DeltaTable:
    """Return the table, after a commit that adds the features that its schema uses and its protocol lacks."""
    listed = set(delta.protocol().writer_features or ())
    missing = [feature for name, feature in FEATURES.items() if name not in listed]
    if not missing or not _has_instants(schema):
        return delta  # without instants the protocol is of writer version 2, which includes `invariants`
    delta.alter.add_feature(missing, allow_protocol_versions_increase=True)
    delta.update_incremental()
    return delta


def _schema(generation: Generation, file: str, table: PublishedTable, partition_by: Sequence[str]) -> Schema:
    """Return the columns of the file, with their meanings as comments, and the columns of the partitions."""
    fields = Schema.from_arrow(pq.read_schema(generation.folder / file)).fields
    return Schema(
        [
            Field(field.name, field.type, nullable=column.is_nullable, metadata={"comment": column.meaning})
            for field, column in zip(fields, table.columns, strict=True)
        ]
        + [
            Field(
                name,
                PrimitiveType("integer"),
                nullable=False,
                metadata={"comment": f"The {name} of the day."},
            )
            for name in partition_by
        ]
    )


def _has_instants(schema: Schema) -> bool:
    return any(str(field.type) == 'PrimitiveType("timestamp_ntz")' for field in schema.fields)


def _add_action(generation: Generation, facts: Mapping[str, Any], partition_by: Sequence[str]) -> AddAction:
    """Describe the file for the log, with its partition and the span of its days, by which engines skip files."""
    path = generation.folder / facts["file"]
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
        path=f"{generation.name}/{facts['file']}",
        size=stat.st_size,
        partition_values={name: str(facts[name]) for name in partition_by},
        modification_time=int(stat.st_mtime * 1000),
        data_change=True,
        stats=json.dumps(stats),
    )
