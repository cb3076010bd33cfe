"""The checks of `ooo doctor` that send requests: the source, the credential and the lists of the organization."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import httpx

from calcom.client import CalcomClient, users_take
from calcom.connection import SentRequest
from calcom.credentials import Credential
from calcom.errors import ApiError, CalcomError, ErrorKind, ExitCode, redact
from calcom.records import Records
from calcom.scopes import Page
from calcom.wording import count_of
from flows.cli.findings import Finding, Level
from flows.run.source import find_owner, make_client
from flows.settings import Settings
from flows.settings.errors import ConfigurationError
from flows.settings.proxies import advise_connection

MOST_SKEW_SECONDS = 60

OnRequest = Callable[[SentRequest], None]

_NEW_CREDENTIAL = "make a new one in Cal.com under Settings, API keys, as an admin or owner"


def check_source(settings: Settings, on_request: OnRequest | None) -> Finding:
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


def check_access(
    settings: Settings, credential: Credential, on_request: OnRequest | None
) -> Iterator[Finding]:
    """Yield the findings about the credential, and about the lists that a sync reads with it."""
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
            return Finding.of_error("credential", error), None
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
        has_next = bool(behind.ids) and behind.ids[0] != page.first_id
    if not has_next:
        text = f"the {subject} of the organization can be read, {take} per request"
        return Finding(subject, Level.OK, text)
    text = f"the server returns at most {page.rows} of {take} requested {subject}"
    if page.rows == 1:
        text += (
            ", which proves nothing: a sync deletes nothing and ends with exit code"
            f" {ExitCode.PARTIAL.value}; remove the limit of the server or gateway"
        )
    else:
        text += f"; a sync reads them {page.rows} per request, so it sends more requests"
    return Finding(subject, Level.WARNING, text)


def _refused(subject: str, error: CalcomError, scope: str) -> Finding:
    is_forbidden = (
        isinstance(error, ApiError) and error.kind is ErrorKind.FORBIDDEN and not error.is_from_edge
    )
    advice = f"; it needs an admin or owner of the organization, and for OAuth the scope {scope}"
    return Finding(subject, Level.FAILURE, f"{error}{advice if is_forbidden else ''}", error.exit_code)
