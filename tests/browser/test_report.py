"""The report page in a real browser: it loads nothing else, and its figures equal those of the macros."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, Page

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.browser import open_browser, open_page
from tests.support.program import run_ooo

pytestmark = pytest.mark.slow

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide the data folder of an invented organization, after a sync by the real program."""
    folder = tmp_path_factory.mktemp("report")
    world = World.generate(people=60, years=3)
    members = [user["id"] for user in world.users()][::3]
    (folder / "calendars.toml").write_text(
        'default = "berlin"\n[calendars.berlin]\ncountry = "DE"\nsubdivision = "BE"\n'
        '[calendars.dubai]\nwork_week = ["mon", "tue", "sun"]\n'
        f'[groups.gulf]\ncalendar = "dubai"\nmembers = {members}\n'
    )
    with serve(Simulator(world, limits=None)) as server:
        done = run_ooo(
            "sync",
            "--quiet",
            cwd=folder,
            CALCOM_API_URL=server.url,
            CALCOM_API_KEY=OWNER_KEY,
            OOO_CALENDARS="calendars.toml",
        )
    assert done.returncode == 0, done.stderr
    return folder / "data"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def url(data_dir: Path) -> str:
    return (data_dir / "reports" / "out-of-office.html").as_uri()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the pictures: OOO_TEST_PICTURES, or a temporary folder."""
    chosen = os.environ.get("OOO_TEST_PICTURES")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _choose(page: Page, first: date, last: date, reasons: set[str]) -> None:
    page.fill("#from", first.isoformat())
    page.fill("#to", last.isoformat())
    for box in page.locator("#reasons input").all():
        box.set_checked(box.get_attribute("value") in reasons)


def _figure(page: Page, name: str) -> float:
    return float(page.locator(f"#{name}").get_attribute("data-value") or "nan")


def _used_reasons(page: Page) -> set[str]:
    return {str(box.get_attribute("value")) for box in page.locator("#reasons input").all()}


@pytest.mark.parametrize(
    ("first", "days"), [(date(2026, 1, 1), 365), (date(2024, 2, 26), 9), (date(2025, 12, 20), 20)]
)
def test_the_figures_of_the_page_equal_those_of_the_macros(
    browser: Browser, url: str, data_dir: Path, first: date, days: int
) -> None:
    last = first + timedelta(days=days - 1)
    span = {"first": first, "last": last}
    with open_page(browser, url) as page, duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database:
        _choose(page, first, last, _used_reasons(page))
        by_reason = database.sql("FROM absence_by_reason($first, $last)", params=span).pl()
        for row in by_reason.iter_rows(named=True):
            for quantity in ("absence_days", "absence_working_days"):
                shown = page.locator(f'[data-reason="{row["reason"]}"][data-quantity="{quantity}"]')
                assert int(shown.get_attribute("data-value") or -1) == row[quantity]
        assert _figure(page, "absence-days") == by_reason["absence_days"].sum()
        assert _figure(page, "absence-working-days") == by_reason["absence_working_days"].sum()
        rate = database.sql("FROM absence_rate($first, $last)", params=span).pl()["absence_rate"].item()
        assert _figure(page, "absence-rate") == pytest.approx(rate)
        most = database.sql("FROM absence_by_day($first, $last)", params=span).pl()["people_absent"].max()
        assert _figure(page, "busiest-day") == most
        conflicts = database.execute(
            "SELECT count(*) FROM coverage_conflicts($first, $last)", span
        ).fetchall()
        assert _figure(page, "conflict-days") == conflicts[0][0]


def test_an_unchosen_reason_is_in_no_figure(browser: Browser, url: str, data_dir: Path) -> None:
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    with open_page(browser, url) as page, duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database:
        _choose(page, first, last, {"sick"})
        (sick,) = database.execute(
            "SELECT sum(absence_days) FROM absence_by_reason($first, $last) WHERE reason = 'sick'",
            {"first": first, "last": last},
        ).fetchall()[0]
        assert _figure(page, "absence-days") == sick
        assert page.locator("#by-reason tbody tr").count() == 1
        _choose(page, first, last, set())
        assert _figure(page, "absence-days") == 0


def test_the_list_of_absent_people_has_the_people_of_the_macro(
    browser: Browser, url: str, data_dir: Path
) -> None:
    with open_page(browser, url) as page, duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database:
        as_of = database.execute("SELECT max(started_at) FROM runs").fetchall()[0][0].date()
        monday = as_of - timedelta(days=as_of.weekday())
        expected = database.execute(
            "SELECT DISTINCT user_id, name FROM who_is_out($first, $last)",
            {"first": monday, "last": monday + timedelta(days=13)},
        ).fetchall()
        if page.locator("#out-more button").count():
            page.locator("#out-more button").click()
        rows = page.locator("#out tbody tr")
        shown = sorted(rows.nth(at).locator("th").inner_text().split("\n")[0] for at in range(rows.count()))
        assert shown == sorted(name for _, name in expected)


def test_a_range_that_ends_before_it_starts_shows_a_message(browser: Browser, url: str) -> None:
    with open_page(browser, url) as page:
        before = _figure(page, "absence-days")
        page.fill("#from", "2026-05-01")
        page.fill("#to", "2026-04-01")
        assert "before" in page.locator("#problem").inner_text()
        page.fill("#to", "2026-05-31")
        assert page.locator("#problem").inner_text() == ""
        assert _figure(page, "absence-days") < before


def test_the_page_can_be_used_with_the_keyboard(browser: Browser, url: str) -> None:
    with open_page(browser, url) as page:
        page.locator("#reasons input").first.focus()
        before = _figure(page, "absence-days")
        page.keyboard.press("Space")
        assert _figure(page, "absence-days") != before
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert {"from", "to", "measure", "BUTTON", "SUMMARY"} <= reached


def test_every_chart_has_a_description_and_a_table(browser: Browser, url: str) -> None:
    with open_page(browser, url) as page:
        charts = page.locator("[role=img]").all()
        assert charts
        for chart in charts:
            assert len(chart.get_attribute("aria-label") or "") > 20
            assert chart.locator("xpath=ancestor::figure").locator("details table").count() == 1
        unlabelled = page.evaluate(
            "[...document.querySelectorAll('input,select,button')].filter(e => !e.labels?.length"
            " && !e.textContent.trim()).length"
        )
        assert unlabelled == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: Browser, url: str, scheme: str) -> None:
    """WCAG 2.2 requires at least 4.5 : 1 at level AA (success criterion 1.4.3)."""
    with open_page(browser, url, color_scheme=scheme) as page:
        for ink in ("--ink", "--soft", "--accent", "--good", "--warn", "--bad"):
            for ground in ("--paper", "--card"):
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


@pytest.mark.parametrize(
    ("name", "options"),
    [("desktop", {}), ("phone", PHONE), ("dark", {"color_scheme": "dark"})],
)
def test_the_page_fits_its_window_and_draws_its_charts(
    browser: Browser, url: str, pictures: Path, name: str, options: dict[str, object]
) -> None:
    with open_page(browser, url, **options) as page:
        page.screenshot(path=pictures / f"{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.locator("#heat svg").count() == 1
    assert (pictures / f"{name}.png").stat().st_size > 20_000


def test_the_page_prints_without_its_filters(browser: Browser, url: str, pictures: Path) -> None:
    with open_page(browser, url) as page:
        page.emulate_media(media="print")
        assert not page.locator(".filters").is_visible()
        page.pdf(path=pictures / "print.pdf", format="A4")
    assert (pictures / "print.pdf").read_bytes().startswith(b"%PDF")


def test_a_name_with_markup_is_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    world = World.generate(people=3)
    today = datetime.now(UTC).date()
    world.add_entry(world.add_user(name=hostile), today, today + timedelta(days=1))
    with serve(Simulator(world, limits=None)) as server:
        done = run_ooo("sync", "--quiet", cwd=tmp_path, CALCOM_API_URL=server.url, CALCOM_API_KEY=OWNER_KEY)
    assert done.returncode == 0, done.stderr
    with open_page(browser, (tmp_path / "data" / "reports" / "out-of-office.html").as_uri()) as page:
        assert hostile in page.locator("#out").inner_text()
        assert page.locator("img").count() == 0
