"""Both pages in a real browser: no barriers, enough contrast, no sideways scrolling, and pictures to look at."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.browser import PHONE, find_barriers, open_page
from tests.support.program import run_ooo

pytestmark = pytest.mark.slow

PAGES = ("away", "report")
VIEWS: dict[str, dict[str, object]] = {
    "desktop": {},
    "tablet": {"viewport": {"width": 820, "height": 1180}},
    "phone": PHONE,
    "dark": {"color_scheme": "dark"},
}


@pytest.fixture(scope="module")
def urls(away_url: str, report_url: str) -> dict[str, str]:
    return {"away": away_url, "report": report_url}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_barriers(browser: Browser, urls: dict[str, str], name: str, view: str) -> None:
    with open_page(browser, f"{urls[name]}#group=team", **VIEWS[view]) as page:
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
        assert find_barriers(page) == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("view", VIEWS)
def test_the_page_fits_its_window(
    browser: Browser, urls: dict[str, str], pictures: Path, name: str, view: str
) -> None:
    with open_page(browser, urls[name], **VIEWS[view]) as page:
        page.screenshot(path=pictures / f"{name}-{view}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("people", [1, 250])
def test_an_organization_of_any_size_has_pictures(
    browser: Browser, tmp_path: Path, pictures: Path, people: int
) -> None:
    with serve(Simulator(World.generate(people=people), limits=None)) as server:
        environment = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY, "OOO_TEAMS": "true"}
        done = run_ooo("sync", "--quiet", cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    for name, file in (("away", "out-of-office"), ("report", "absence-report")):
        url = (tmp_path / "data" / "reports" / f"{file}.html").as_uri()
        for view, options in VIEWS.items():
            with open_page(browser, url, **options) as page:
                page.screenshot(path=pictures / f"{name}-{people}-{view}.png", full_page=True)
                assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("name", PAGES)
def test_the_page_prints_without_its_controls(
    browser: Browser, urls: dict[str, str], pictures: Path, name: str
) -> None:
    with open_page(browser, urls[name]) as page:
        page.emulate_media(media="print")
        for control in ("#filters", "#theme", "#past", "#board-more button"):
            assert not page.locator(control).is_visible()
        page.pdf(path=pictures / f"{name}.pdf", format="A4")
    assert (pictures / f"{name}.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: Browser, urls: dict[str, str], scheme: str) -> None:
    """WCAG 2.2 requires at least 4.5 : 1 at level AA (success criterion 1.4.3)."""
    inks = ("--ink", "--soft", "--accent", "--good", "--warn", "--bad")
    pairs = [(ink, ground) for ink in inks for ground in ("--paper", "--card")]
    reasons = ("sick", "vacation", "travel", "custom", "unspecified", "public_holiday", "unknown")
    pairs += [("--on-accent", "--accent"), ("--bad", "--bad-paper"), ("--soft", "--holiday")]
    pairs += [("--on-accent", f"--reason-{reason}") for reason in reasons]
    pairs += [(f"--reason-{reason}", "--paper") for reason in reasons]
    with open_page(browser, urls["report"], color_scheme=scheme) as page:
        for ink, ground in pairs:
            assert page.evaluate(CONTRAST, [ink, ground]) >= 4.5, (scheme, ink, ground)


CONTRAST = """([ink, ground]) => {
  const light = (name) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
    const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""
