"""Start the system's Chromium, headless and without a network."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """Yield a running browser. Without one, skip the test, or fail it if OOO_TEST_BROWSER is set."""
    if CHROMIUM is None:
        if os.environ.get("OOO_TEST_BROWSER"):
            pytest.fail("no Chromium on this machine; install Debian's package chromium")
        pytest.skip("no Chromium on this machine; CI installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def open_page(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Yield the page at `url` after it is drawn. Fail at its end if it logged an error or sent a request."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "offline": True} | options)
    problems: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: None if request.url == url else problems.append(f"requested {request.url[:80]}"),
    )
    try:
        page.goto(url)
        page.wait_for_selector("html[data-ready]", timeout=30_000)
        yield page
        assert not [problem for problem in problems if not problem.startswith("requested data:")]
    finally:
        context.close()
