"""Check whether a sync can work on this machine. Each finding has the next step for the user."""

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from calcom.errors import ExitCode, OooError
from flows.cli.findings import Finding, Level
from flows.cli.source_checks import OnRequest, check_access, check_source
from flows.report.queries import run_sql
from flows.settings import Settings, load_settings
from flows.settings.data_folder import database_path, lock_data_folder, warehouse_path
from flows.settings.environment import find_exposed_env_file
from flows.settings.errors import ConfigurationError
from landing.files import flush
from warehouse.connection import open_warehouse
from warehouse.errors import WarehouseError
from warehouse.load.migrate import pending_migrations

LIBRARIES = ("duckdb", "polars", "pyarrow", "httpx", "pydantic", "prefect")
LEAST_FREE_BYTES = 500_000_000
"""The free space that the publication of a usual organization needs."""

STALE_AFTER_HOURS = 36
"""The age in hours above which a nightly publication has missed a night."""


def run_checks(*, on_request: OnRequest | None = None, **overrides: Any) -> Iterator[Finding]:
    """Yield the finding of each check. Checks that depend on a failed check are skipped.

    `on_request` is called after each request. `overrides` are settings by variable name. The checks write no file
    except the lock of the data folder and a probe, which they remove.
    """
    yield Finding(
        "program",
        Level.OK,
        f"{version('calcom-ooo-warehouse')}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    )
    try:
        settings = load_settings(**overrides)
        yield Finding("settings", Level.OK, f"{settings.api_url}, data in {settings.data_dir.resolve()}")
    except ConfigurationError as error:
        yield Finding.of_error("settings", error)
        return
    if overrides.get("_env_file", ".env") and (warning := find_exposed_env_file()):
        yield Finding(".env", Level.WARNING, warning)
    try:
        yield from _check_folder(settings)
        yield from _check_warehouse(settings)
        yield from _check_publication(settings)
    except OSError as error:
        text = f"can't read {error.filename}: {error.strerror}; correct the permissions or set OOO_DATA_DIR"
        yield Finding("data folder", Level.FAILURE, text, ExitCode.WAREHOUSE)
        return
    try:
        credential = settings.credential()
    except ConfigurationError as error:
        yield Finding.of_error("credential", error)
        return
    source = check_source(settings, on_request)
    yield source
    if source.level is not Level.FAILURE:
        yield from check_access(settings, credential, on_request)


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Return the exit code of the first failure, or 0 without a failure."""
    failures = (finding.exit_code for finding in findings if finding.level is Level.FAILURE)
    return next(failures, ExitCode.DONE)


def _check_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        text = f"can't write to {existing}; correct the permissions or set OOO_DATA_DIR"
        yield Finding("data folder", Level.FAILURE, text, ExitCode.WAREHOUSE)
        return
    yield _probe_folder(existing)
    free, used = shutil.disk_usage(existing).free, _bytes_under(folder)
    # A publication is built beside the previous one, and a load beside the rows that it replaces.
    needed = max(LEAST_FREE_BYTES, used)
    text = f"{folder}: {used / 1e6:,.0f} MB used, {free / 1e9:,.1f} GB free"
    if free < needed:
        text = f"{text}; the next run may need {needed / 1e9:,.1f} GB: free disk space"
        yield Finding("disk", Level.WARNING, text)
    else:
        yield Finding("disk", Level.OK, text)
    if folder.exists():
        try:
            with lock_data_folder(folder, settings.file_permissions):
                yield Finding("lock", Level.OK, "no other run is writing")
        except WarehouseError as error:
            if "another run" not in str(error):
                yield Finding.of_error("lock", error)
                return
            text = f"a run is writing to {folder}; another run fails until it ends"
            yield Finding("lock", Level.WARNING, text)


def _probe_folder(folder: Path) -> Finding:
    """Write, rename, link, and change the permissions of a probe in `folder`, as a run does with its files."""
    step = "create a folder"
    try:
        with tempfile.TemporaryDirectory(prefix=".next-probe-", dir=folder) as temporary:
            first, second, linked = (Path(temporary, name) for name in ("first", "second", "linked"))
            step = "write a file"
            first.write_bytes(b"probe")
            flush(first)
            step = "rename a file"
            first.replace(second)
            step = "change the permissions of a file"
            second.chmod(0o600)
            if second.stat().st_mode & 0o077:
                text = (
                    f"{folder} is on a file system that keeps no permissions, so that other users could read the"
                    " warehouse; set OOO_DATA_DIR to a folder on a local disk"
                )
                return Finding("data folder", Level.FAILURE, text, ExitCode.WAREHOUSE)
            try:
                os.link(second, linked)
            except OSError:
                text = (
                    f"{folder} has no hard links, so that published files are copied and take twice the space"
                )
                return Finding("data folder", Level.WARNING, text)
    except OSError as error:
        text = (
            f"can't {step} in {folder}: {error.strerror}; correct the permissions, free disk space, or set"
            " OOO_DATA_DIR to a folder on a local disk"
        )
        return Finding("data folder", Level.FAILURE, text, ExitCode.WAREHOUSE)
    return Finding("data folder", Level.OK, "files can be written, renamed, linked and made private")


def _check_warehouse(settings: Settings) -> Iterator[Finding]:
    path = warehouse_path(settings)
    if not path.exists():
        yield Finding("warehouse", Level.OK, "none yet; the first sync creates it")
        return
    try:
        with (
            lock_data_folder(path.parent, settings.file_permissions),
            open_warehouse(path, is_read_only=True) as connection,
        ):
            pending = pending_migrations(connection)
    except WarehouseError as error:
        yield Finding.of_error("warehouse", error)
        return
    if pending:
        names = ", ".join(name for _, name, _ in pending)
        yield Finding("warehouse", Level.OK, f"the next sync makes a backup and upgrades it ({names})")
    else:
        yield Finding("warehouse", Level.OK, f"{path.name} has the schema of this version")


def _check_publication(settings: Settings) -> Iterator[Finding]:
    exports = settings.data_dir / "exports"
    database = database_path(settings)
    if database.exists():
        try:
            run_sql(database, "SELECT 1")
        except OooError as error:
            yield Finding.of_error("publication", error)
            return
    if not (exports / "current.json").exists():
        yield Finding("publication", Level.OK, "none yet; the first sync creates it")
        return
    try:
        current = json.loads((exports / "current.json").read_text(encoding="utf-8"))
        manifest = json.loads((exports / current["manifest"]).read_text(encoding="utf-8"))
        published_at = datetime.fromisoformat(manifest["published_at"])
        damaged = _find_damaged_file(exports, current["generation"], manifest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = f"{exports / 'current.json'} leads to no manifest: {error}; the next sync publishes again"
        yield Finding("publication", Level.WARNING, text)
        return
    if damaged is not None:
        text = f"{damaged} is missing or damaged; run `ooo sync`, which publishes it again"
        yield Finding("publication", Level.FAILURE, text, ExitCode.WAREHOUSE)
        return
    hours = (datetime.now(UTC) - published_at).total_seconds() / 3600
    text = f"generation {current['generation']}, {hours:,.1f} hours old"
    if hours > STALE_AFTER_HOURS:
        text = f"{text}; run `ooo sync`, and check the schedule of the nightly run"
        yield Finding("publication", Level.WARNING, text)
    else:
        yield Finding("publication", Level.OK, text)


def _find_damaged_file(exports: Path, generation: str, manifest: dict[str, Any]) -> Path | None:
    """Return the first published Parquet file whose size is not that of the manifest, or None."""
    for facts in manifest["tables"].values():
        folder = exports / "generations" / generation
        sizes: dict[Path, int] = {
            folder / file["file"]: file["bytes"] for file in (facts, *facts.get("partitions", ()))
        }
        sizes[exports / "current" / facts["file"]] = facts["bytes"]
        for path, size in sizes.items():
            if not path.is_file() or path.stat().st_size != size:
                return path
    return None


def _bytes_under(folder: Path) -> int:
    """Return the size of all files in bytes; a file with several hard links counts once."""
    sizes = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        sizes[facts.st_dev, facts.st_ino] = facts.st_size
    return sum(sizes.values())
