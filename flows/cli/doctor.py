"""Whether a sync can work here: each part examined, with what to do about it."""

import asyncio
import json
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from calcom.client import CalcomClient
from calcom.credentials import Credential
from calcom.errors import ApiError, CalcomError, ErrorKind, ExitCode, OooError
from flows.run.context import make_client
from flows.run.data_folder import lock_data_folder, warehouse_path
from flows.settings import Settings, load_settings
from flows.settings.errors import ConfigurationError
from warehouse.connection import open_warehouse
from warehouse.errors import WarehouseError
from warehouse.load.migrate import pending_migrations

LIBRARIES = ("duckdb", "polars", "pyarrow", "httpx", "pydantic", "prefect")
LEAST_FREE_BYTES = 500_000_000
"""Free space below which a publication of a usual organization may fail."""

MOST_SKEW_SECONDS = 60
STALE_AFTER_HOURS = 36
"""A nightly publication that is older has missed a night."""

_NEW_CREDENTIAL = "make a new one in Cal.com under Settings, API keys, as an admin or owner"


class Level(StrEnum):
    """How a part was found."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """One part: how it was found, and the way out if it is not well. `exit_code` is that of a failure."""

    subject: str
    level: Level
    text: str
    exit_code: int = 0


def examine(**overrides: Any) -> Iterator[Finding]:
    """Every part in turn; what depends on a failed one is left out. Writes nothing but a lock file."""
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
        yield _failed("settings", error)
        return
    yield from _examine_folder(settings)
    yield from _examine_warehouse(settings)
    yield from _examine_publication(settings)
    try:
        credential = settings.credential()
    except ConfigurationError as error:
        yield _failed("credential", error)
        return
    reached = _examine_source(settings)
    yield reached
    if reached.level is not Level.FAILURE:
        yield from _examine_access(settings, credential)


def exit_code(findings: list[Finding]) -> int:
    """That of the first failure; 0 if nothing failed."""
    return next((one.exit_code for one in findings if one.level is Level.FAILURE), 0)


def as_text(finding: Finding) -> str:
    """One line: a mark, the part, what was found."""
    mark = {Level.OK: "ok", Level.WARNING: "WARN", Level.FAILURE: "FAIL"}[finding.level]
    return f"{mark:<5} {finding.subject:<12} {finding.text}"


def _failed(subject: str, error: OooError) -> Finding:
    return Finding(subject, Level.FAILURE, str(error), error.exit_code)


def _examine_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        text = f"can't write to {existing}; correct the permissions or set OOO_DATA_DIR"
        yield Finding("data folder", Level.FAILURE, text, ExitCode.WAREHOUSE)
        return
    free, used = shutil.disk_usage(existing).free, _bytes_under(folder)
    # A publication is built beside the last one, and a load beside the rows it replaces.
    needed = max(LEAST_FREE_BYTES, used)
    text = f"{folder}: {used / 1e6:,.0f} MB used, {free / 1e9:,.1f} GB free"
    if free < needed:
        yield Finding(
            "disk", Level.WARNING, f"{text}; the next run may need {needed / 1e9:,.1f} GB: free some"
        )
    else:
        yield Finding("disk", Level.OK, text)
    if folder.exists():
        try:
            with lock_data_folder(folder, settings.file_permissions):
                yield Finding("lock", Level.OK, "no other run is writing")
        except WarehouseError:
            text = f"a run is writing to {folder} just now; a second one would be refused until it ends"
            yield Finding("lock", Level.WARNING, text)


def _examine_warehouse(settings: Settings) -> Iterator[Finding]:
    path = warehouse_path(settings)
    if not path.exists():
        yield Finding("warehouse", Level.OK, "none yet; the first sync makes it")
        return
    try:
        with (
            lock_data_folder(path.parent, settings.file_permissions),
            open_warehouse(path, is_read_only=True) as connection,
        ):
            pending = pending_migrations(connection)
    except WarehouseError as error:
        yield _failed("warehouse", error)
        return
    if pending:
        names = ", ".join(name for _, name, _ in pending)
        yield Finding("warehouse", Level.OK, f"the next sync upgrades it ({names}), with a back-up first")
    else:
        yield Finding("warehouse", Level.OK, f"{path.name} is of this version")


def _examine_publication(settings: Settings) -> Iterator[Finding]:
    exports = settings.data_dir / "exports"
    if not (exports / "current.json").exists():
        yield Finding("publication", Level.OK, "none yet; the first sync makes it")
        return
    try:
        current = json.loads((exports / "current.json").read_text(encoding="utf-8"))
        manifest = json.loads((exports / current["manifest"]).read_text(encoding="utf-8"))
        published_at = datetime.fromisoformat(manifest["published_at"])
    except (OSError, ValueError, KeyError) as error:
        text = f"{exports / 'current.json'} can't be followed: {error}; the next sync publishes anew"
        yield Finding("publication", Level.WARNING, text)
        return
    hours = (datetime.now(UTC) - published_at).total_seconds() / 3600
    text = f"generation {current['generation']}, {hours:,.1f} hours old"
    if hours > STALE_AFTER_HOURS:
        yield Finding(
            "publication", Level.WARNING, f"{text}; run `ooo sync`, or look why the schedule did not"
        )
    else:
        yield Finding("publication", Level.OK, text)


def _examine_source(settings: Settings) -> Finding:
    """Whether the API answers at all (without a credential: a 401), and what it thinks the time is."""
    try:
        answer = httpx.get(f"{settings.api_url}/v2/me", timeout=20.0)
    except (httpx.HTTPError, OSError, ValueError, ImportError) as error:
        text = f"{settings.api_url} gives no answer: {error}; check CALCOM_API_URL, the network and proxies"
        return Finding("source", Level.FAILURE, text, 12)
    text = f"{settings.api_url} answers in {answer.elapsed.total_seconds() * 1000:,.0f} ms"
    try:
        skew = abs((datetime.now(UTC) - parsedate_to_datetime(answer.headers["date"])).total_seconds())
    except (KeyError, ValueError, TypeError):
        return Finding("source", Level.OK, f"{text}; it does not tell the time")
    if skew > MOST_SKEW_SECONDS:
        text = f"{text}, but the clocks differ by {skew:,.0f} s; set this machine's by NTP"
        return Finding("source", Level.WARNING, text)
    return Finding("source", Level.OK, f"{text}, clocks agree")


def _examine_access(settings: Settings, credential: Credential) -> Iterator[Finding]:
    with asyncio.Runner() as runner:
        client = make_client(settings.connection())
        try:
            me = runner.run(client.fetch_me())
            organization_id = settings.organization_id or me.organizationId
            text = f"{type(credential).__name__} of user {me.id}"
            yield Finding("credential", Level.OK, text)
        except CalcomError as error:
            advice = f"; {_NEW_CREDENTIAL}" if error.exit_code is ExitCode.CREDENTIALS else ""
            yield Finding("credential", Level.FAILURE, f"{error}{advice}", error.exit_code)
            return
        else:
            yield from _examine_organization(runner, client, organization_id)
        finally:
            runner.run(client.close())


def _examine_organization(
    runner: asyncio.Runner, client: CalcomClient, organization_id: int | None
) -> Iterator[Finding]:
    if organization_id is None:
        text = "the credential's owner has no organization; set CALCOM_ORG_ID to the organization's id"
        yield Finding("organization", Level.FAILURE, text, 10)
        return
    try:
        runner.run(client.fetch_users(organization_id, take=1))
        yield Finding("users", Level.OK, f"organization {organization_id} lets its users be listed")
    except CalcomError as error:
        yield _refused("users", error, "ORG_MEMBERSHIP_READ")
        return
    try:
        runner.run(client.fetch_organization_entries(organization_id, take=1))
        yield Finding("entries", Level.OK, "the organization's entries can be read, org-wide")
    except CalcomError as error:
        if isinstance(error, ApiError) and error.kind in (ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND):
            text = "org-wide reading is refused; `auto` reads user by user instead, with more requests"
            yield Finding("entries", Level.WARNING, text)
        else:
            yield _refused("entries", error, "ORG_SCHEDULE_READ")
    windows = client.rate_limiter.budget.windows.values()
    limits = ", ".join(f"{one.limit} requests in {one.length:.0f} s" for one in windows)
    yield Finding("rate limit", Level.OK, limits or "none stated")


def _refused(subject: str, error: CalcomError, scope: str) -> Finding:
    refused = isinstance(error, ApiError) and error.kind is ErrorKind.FORBIDDEN
    advice = f"; it needs an admin or owner of the organization, and for OAuth the scope {scope}"
    return Finding(subject, Level.FAILURE, f"{error}{advice if refused else ''}", error.exit_code)


def _bytes_under(folder: Path) -> int:
    """Bytes of all files, each counted once however many names it has."""
    sizes = {}
    for path in folder.rglob("*"):
        found = path.lstat()
        sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())
