"""Measure the time in which Chromium draws the report pages of an invented organization.

python benchmarks/draw_pages.py --people 5000 --runs 7

Prints, for each page, its size, the number of elements, and the medians of three times: the processor time of the
page's main thread, the time until the page is drawn, and the time until the first paint. Needs Chromium.
"""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from pydantic import SecretStr

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from calcom.strategy import Strategy
from flows.report.page import owner_report_path, report_path
from flows.run import stages
from flows.run.progress import SilentListener
from flows.settings import NO_CREDENTIAL, Settings, load_settings

TIMES = """() => ({
    drawn: performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
    painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
    elements: document.querySelectorAll("*").length,
})"""


def publish_organization(folder: Path, people: int) -> Settings:
    """Publish an invented organization under `folder`, and return the settings."""
    with serve(Simulator(World.generate(people=people, years=2), limits=None)) as server:
        settings = load_settings(**NO_CREDENTIAL, CALCOM_API_URL=server.url, OOO_DATA_DIR=folder)
        settings.api_key = SecretStr(OWNER_KEY)
        stages.sync(settings, strategy=Strategy.ORG_WIDE, listener=SilentListener())
    return settings


def measure(browser: Browser, path: Path) -> tuple[float, float, float, int]:
    """Open the page once. Return its processor, drawing and painting milliseconds, and its elements."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(300)  # the first paint follows the script
    times = page.evaluate(TIMES)
    metrics = {
        metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]
    }
    context.close()
    return metrics["TaskDuration"] * 1000, times["drawn"], times["painted"], times["elements"]


def main() -> None:
    """Publish, open each page several times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        settings = publish_organization(
            Path(folder), options.people
        )  # before Playwright starts its event loop
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            for path in (report_path(settings), owner_report_path(settings)):
                runs = [measure(browser, path) for _ in range(options.runs)]
                processor, drawn, painted, elements = (
                    statistics.median(values) for values in zip(*runs, strict=True)
                )
                print(
                    f"{path.name:<20} {path.stat().st_size / 1e6:.2f} MB, {elements:,.0f} elements,"
                    f" {processor:.0f} ms of processor time, drawn after {drawn:.0f} ms,"
                    f" painted after {painted:.0f} ms"
                )
            browser.close()


if __name__ == "__main__":
    main()
