"""Start the system's Chromium, headless and without a network."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
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
def open_page(browser: Browser, url: str, at: datetime | None = None, **options: Any) -> Iterator[Page]:
    """Yield the page at `url` after it is drawn. Fail at its end if it logged an error or sent a request.

    `at` is the time of the reader's clock, UTC without a zone; None is the present.
    """
    context = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "offline": True, "timezone_id": "UTC"} | options
    )
    problems: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.partition("#")[0] == url.partition("#")[0]
            else problems.append(f"requested {request.url[:80]}")
        ),
    )
    if at is not None:
        page.clock.set_fixed_time(at.replace(tzinfo=UTC))
    try:
        page.goto(url)
        page.wait_for_selector("html[data-ready]", timeout=30_000)
        yield page
        assert not [problem for problem in problems if not problem.startswith("requested data:")]
    finally:
        context.close()


def find_barriers(page: Page) -> list[str]:
    """Return the violations that axe-core finds on the page.

    Without axe-core, skip the test, or fail it if OOO_TEST_BROWSER is set.
    """
    if not AXE.exists():
        if os.environ.get("OOO_TEST_BROWSER"):
            pytest.fail("axe-core is missing; run `npm ci`")
        pytest.skip("axe-core is missing; `npm ci` installs it")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
