"""Check whether a sync can work on this machine. Each finding has the next step for the user."""

import asyncio
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from calcom.client import CalcomClient, users_take
from calcom.connection import SentRequest
from calcom.credentials import Credential
from calcom.errors import ApiError, CalcomError, ErrorKind, ExitCode, OooError, redact
from calcom.list_checks import MIN_TAKE, is_capped
from calcom.records import Records
from calcom.scopes import Page
from calcom.wording import count_of
from flows.report.queries import run_sql
from flows.run.source import find_owner, make_client
from flows.settings import Settings, load_settings
from flows.settings.data_folder import database_path, lock_data_folder, warehouse_path
from flows.settings.environment import find_exposed_env_file
from flows.settings.errors import ConfigurationError
from flows.settings.proxies import advise_connection
from landing.files import flush
from warehouse.connection import open_warehouse
from warehouse.errors import WarehouseError
from warehouse.load.migrate import pending_migrations

LIBRARIES = ("duckdb", "polars", "pyarrow", "httpx", "pydantic", "prefect")
LEAST_FREE_BYTES = 500_000_000
"""The free space that the publication of a usual organization needs."""

MOST_SKEW_SECONDS = 60
STALE_AFTER_HOURS = 36
"""The age in hours above which a nightly publication has missed a night."""

_OnRequest = Callable[[SentRequest], None]

_NEW_CREDENTIAL = "make a new one in Cal.com under Settings, API keys, as an admin or owner"


class Level(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """The result of one check, with the next step for the user if the check failed."""

    subject: str
    level: Level
    text: str
    exit_code: int = ExitCode.DONE
    """The exit code of `ooo doctor` if this is its first failure."""

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON types."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the finding as one line: the level, the subject, the text."""
        mark = {Level.OK: "ok", Level.WARNING: "WARN", Level.FAILURE: "FAIL"}[self.level]
        return f"{mark:<5} {self.subject:<12} {self.text}"


def run_checks(*, on_request: _OnRequest | None = None, **overrides: Any) -> Iterator[Finding]:
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
        yield _failed("settings", error)
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
        yield _failed("credential", error)
        return
    source = _check_source(settings, on_request)
    yield source
    if source.level is not Level.FAILURE:
        yield from _check_access(settings, credential, on_request)


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Return the exit code of the first failure, or 0 without a failure."""
    failures = (finding.exit_code for finding in findings if finding.level is Level.FAILURE)
    return next(failures, ExitCode.DONE)


def _failed(subject: str, error: OooError) -> Finding:
    return Finding(subject, Level.FAILURE, str(error), error.exit_code)


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
                yield _failed("lock", error)
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
        yield _failed("warehouse", error)
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
            yield _failed("publication", error)
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


def _check_source(settings: Settings, on_request: _OnRequest | None) -> Finding:
    """Check that the API responds, and that its clock agrees with this machine's.

    The request has no credential, so the expected response is a 401.
    """
    began_at, status, request_id = time.monotonic(), None, None
    try:
        response = httpx.get(f"{settings.api_url}/v2/me", timeout=20.0)
        status, request_id = response.status_code, redact(response.headers.get("x-request-id", "")) or None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError) as error:
        text = f"{settings.api_url} does not respond: {error}; check CALCOM_API_URL, the network and proxies"
        text += advise_connection(settings.api_url, str(error))
        return Finding("source", Level.FAILURE, text, ExitCode.UNAVAILABLE)
    finally:
        if on_request:
            milliseconds = (time.monotonic() - began_at) * 1000
            on_request(SentRequest("GET", "/v2/me", status, milliseconds, request_id, is_retry=False))
    text = f"{settings.api_url} responds in {response.elapsed.total_seconds() * 1000:,.0f} ms"
    try:
        skew = abs((datetime.now(UTC) - parsedate_to_datetime(response.headers["date"])).total_seconds())
    except (KeyError, ValueError, TypeError):
        return Finding("source", Level.OK, f"{text}; its responses have no date, so no clock was compared")
    if skew > MOST_SKEW_SECONDS:
        text = f"{text}, but the clocks differ by {skew:,.0f} s; synchronize this machine's clock by NTP"
        return Finding("source", Level.WARNING, text)
    return Finding("source", Level.OK, f"{text}, and the clocks agree")


def _check_access(
    settings: Settings, credential: Credential, on_request: _OnRequest | None
) -> Iterator[Finding]:
    with asyncio.Runner() as runner:
        client = make_client(settings.connection(), on_request=on_request)
        try:
            finding, organization_id = _check_credential(runner, client, settings, credential)
            yield finding
            if finding.level is not Level.FAILURE:
                yield from _check_organization(runner, client, organization_id, settings.page_size)
        finally:
            runner.run(client.close())


def _check_credential(
    runner: asyncio.Runner, client: CalcomClient, settings: Settings, credential: Credential
) -> tuple[Finding, int | None]:
    """Return the finding about the credential, and the organization that a sync reads with it."""
    name = type(credential).__name__
    try:
        me = find_owner(runner, client)
    except ConfigurationError as error:
        if settings.organization_id is None:
            return _failed("credential", error), None
        text = f"{name}; /v2/me refuses its owner, but with CALCOM_ORG_ID a sync does not request /v2/me"
        return Finding("credential", Level.OK, text), settings.organization_id
    except CalcomError as error:
        advice = f"; {_NEW_CREDENTIAL}" if error.exit_code is ExitCode.CREDENTIALS else ""
        return Finding("credential", Level.FAILURE, f"{error}{advice}", error.exit_code), None
    organization_id = settings.organization_id or me.organizationId
    return Finding("credential", Level.OK, f"{name} of user {me.id}"), organization_id


def _check_organization(
    runner: asyncio.Runner, client: CalcomClient, organization_id: int | None, page_size: int
) -> Iterator[Finding]:
    if organization_id is None:
        text = "the credential's owner has no organization; set CALCOM_ORG_ID to the organization's id"
        yield Finding("organization", Level.FAILURE, text, ExitCode.CONFIGURATION)
        return
    try:
        fetch = partial(client.fetch_users, organization_id)
        yield _check_list(runner, fetch, users_take(page_size), "users")
    except CalcomError as error:
        yield _refused("users", error, "ORG_MEMBERSHIP_READ")
        return
    try:
        fetch = partial(client.fetch_organization_entries, organization_id)
        yield _check_list(runner, fetch, page_size, "entries")
    except CalcomError as error:
        if isinstance(error, ApiError) and error.kind in (ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND):
            text = "org-wide reading is refused; the strategy `auto` reads per user, with more requests"
            yield Finding("entries", Level.WARNING, text)
        else:
            yield _refused("entries", error, "ORG_SCHEDULE_READ")
    windows = client.rate_limiter.budget.windows.values()
    limits = ", ".join(f"{count_of(window.limit, 'request')} in {window.length:.0f} s" for window in windows)
    yield Finding("rate limit", Level.OK, limits or "the responses state no rate limit")


def _check_list(
    runner: asyncio.Runner, fetch: Callable[..., Coroutine[Any, Any, Records]], take: int, subject: str
) -> Finding:
    """Check that the server returns as many rows as a sync requests, with one or two requests.

    Reads one page. If it is short and does not state whether it is the last one, reads the rows after it.
    """
    records = runner.run(fetch(take=take))
    page = Page.of_ids(skip=0, take=take, ids=records.ids)
    if subject == "users" and page.rows == 0:
        text = (
            "the users list is empty, although the organization has the credential's owner: a sync deletes nothing"
            f" and ends with exit code {ExitCode.PARTIAL.value}; check CALCOM_ORG_ID and CALCOM_API_URL"
        )
        return Finding(subject, Level.WARNING, text)
    has_next = records.has_next(0) if page.is_last and page.rows else False
    if has_next is None:
        behind = runner.run(fetch(skip=page.rows, take=take))
        has_next = is_capped(page, Page.of_ids(skip=page.rows, take=take, ids=behind.ids))
    if not has_next:
        text = f"the {subject} of the organization can be read, {take} per request"
        return Finding(subject, Level.OK, text)
    text = f"the server returns at most {page.rows} of {take} requested {subject}"
    if page.rows < MIN_TAKE:
        text += (
            ", which proves nothing: a sync deletes nothing and ends with exit code"
            f" {ExitCode.PARTIAL.value}; remove the limit of the server or gateway"
        )
    else:
        text += f"; a sync reads them {page.rows} per request, so it sends more requests"
    return Finding(subject, Level.WARNING, text)


def _refused(subject: str, error: CalcomError, scope: str) -> Finding:
    is_forbidden = isinstance(error, ApiError) and error.kind is ErrorKind.FORBIDDEN
    advice = f"; it needs an admin or owner of the organization, and for OAuth the scope {scope}"
    return Finding(subject, Level.FAILURE, f"{error}{advice if is_forbidden else ''}", error.exit_code)


def _bytes_under(folder: Path) -> int:
    """Return the size of all files in bytes; a file with several hard links counts once."""
    sizes = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        sizes[facts.st_dev, facts.st_ino] = facts.st_size
    return sum(sizes.values())
