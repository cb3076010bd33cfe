"""The page with reasons and measures in a real browser: its figures equal those of the macros."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import open_page
from tests.support.readings import Absence
from tests.support.report_pages import write_pages
from tests.support.warehouse import night, read_all

pytestmark = pytest.mark.slow


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
    browser: Browser, report_url: str, data_dir: Path, first: date, days: int
) -> None:
    last = first + timedelta(days=days - 1)
    span = {"first": first, "last": last}
    with (
        open_page(browser, report_url) as page,
        duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database,
    ):
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
        most = max(
            database.execute(
                "SELECT coalesce(sum(absence_days), 0) FROM absence_by_reason($day, $day)"
                " WHERE reason <> 'public_holiday'",
                {"day": first + timedelta(days=number)},
            ).fetchall()[0][0]
            for number in range(days)
        )
        assert _figure(page, "busiest-day") == most
        conflicts = database.execute(
            "SELECT count(*) FROM coverage_conflicts($first, $last)"
            " WHERE is_working_day AND reason <> 'public_holiday' AND covering_reason <> 'public_holiday'",
            span,
        ).fetchall()
        assert _figure(page, "conflict-days") == conflicts[0][0]


def test_the_cover_figures_equal_those_of_the_macros(
    browser: Browser, report_url: str, data_dir: Path
) -> None:
    today = datetime.now(UTC).date()
    ahead = {"first": today, "last": today + timedelta(days=89)}
    with (
        open_page(browser, report_url) as page,
        duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database,
    ):
        working, named, present = database.execute(
            "SELECT sum(absence_working_days), sum(named_days), sum(present_days)"
            " FROM coverage_rate($first, $last) WHERE reason <> 'public_holiday'",
            ahead,
        ).fetchall()[0]
        assert working > present > 0
        assert _figure(page, "no-present-cover") == working - present
        assert _figure(page, "no-cover-named") == working - named
        parts = ("no-cover-named", "cover-away", "cover-gone", "cover-holiday")
        assert sum(_figure(page, name) for name in parts) == working - present
        if page.locator("#conflicts-more button").count():
            page.locator("#conflicts-more button").click()
        listed = page.locator("#conflicts tbody tr td:last-child").all_inner_texts()
        assert sum(int(number) for number in listed) == working - present


def test_a_cover_is_missing_absent_gone_or_on_a_public_holiday(browser: Browser, tmp_path: Path) -> None:
    first, last = date(2026, 1, 12), date(2026, 1, 13)  # Monday and Tuesday
    absences = (
        Absence(1, 1, first, last),
        Absence(2, 2, first, last, reason="travel", cover=1),
        Absence(3, 3, first, first, reason="sick", cover=6),
        Absence(4, 4, last, last, cover=5),
        Absence(5, 5, last, last, reason="public_holiday"),
        Absence(6, 7, first, last, cover=4),
    )
    all_users = tuple(range(1, 8))
    urls = write_pages(
        tmp_path,
        read_all(absences, at=night(8), users=all_users),
        read_all(absences, at=night(9), users=tuple(user for user in all_users if user != 6)),
    )
    with open_page(browser, urls["report"], datetime(2026, 1, 9, 12)) as page:  # noqa: DTZ001 - UTC
        figures = {
            name: _figure(page, name)
            for name in ("no-present-cover", "no-cover-named", "cover-away", "cover-gone", "cover-holiday")
        }
        assert figures == {
            "no-present-cover": 7,
            "no-cover-named": 2,
            "cover-away": 3,
            "cover-gone": 1,
            "cover-holiday": 1,
        }
        assert page.locator("#cover-text").inner_text().startswith("7 of 8 person-days")


def test_the_figures_per_person_equal_those_of_the_macro(
    browser: Browser, report_url: str, data_dir: Path
) -> None:
    with (
        open_page(browser, report_url) as page,
        duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database,
    ):
        as_of = database.execute("SELECT max(started_at) FROM runs").fetchall()[0][0].date()
        expected = database.execute(
            "SELECT absence_days, absence_working_days, sick_days FROM absence_by_person($first, $last)",
            {"first": as_of - timedelta(days=364), "last": as_of},
        ).fetchall()
        page.locator("#persons-more button").click()
        shown = page.locator("#persons tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.querySelectorAll('[data-value]')].map(cell => +cell.dataset.value))"
        )
        assert sorted(map(tuple, shown)) == sorted(expected)


def test_the_figures_per_team_equal_those_of_the_macro(
    browser: Browser, report_url: str, data_dir: Path
) -> None:
    names = ("team", "people", "people_absent", "absence_days", "absence_working_days", "absence_rate")
    with (
        open_page(browser, report_url) as page,
        duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database,
    ):
        as_of = database.execute("SELECT max(started_at) FROM runs").fetchall()[0][0].date()
        expected = database.execute(
            f"SELECT {', '.join(names)} FROM absence_by_team($first, $last)",
            {"first": as_of - timedelta(days=364), "last": as_of},
        ).fetchall()

        def shown() -> list[tuple[object, ...]]:
            rows = page.locator("#teams tbody tr").evaluate_all(
                "rows => rows.map(row => [row.cells[0].textContent,"
                " ...[...row.querySelectorAll('[data-value]')].map(cell => +cell.dataset.value)])"
            )
            return sorted(map(tuple, rows))

        assert len(expected) == 5
        assert shown() == [(*row[:5], pytest.approx(row[5])) for row in sorted(expected)]
        assert page.locator("#range-view").is_hidden()
        page.select_option("#team", label=expected[0][0])
        assert page.locator("#range-view").is_visible()
        assert [row[0] for row in shown()] == [expected[0][0]]


def test_without_teams_the_page_has_no_section_about_them(browser: Browser, tmp_path: Path) -> None:
    with open_page(browser, write_pages(tmp_path, read_all(at=night(9)))["report"]) as page:
        assert page.locator("#by-team").is_hidden()


def test_the_peaks_ahead_leave_public_holidays_out(browser: Browser, report_url: str, data_dir: Path) -> None:
    today = datetime.now(UTC).date()
    with (
        open_page(browser, report_url) as page,
        duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database,
    ):
        (most,) = database.execute(
            "SELECT max(people) FROM (SELECT count(*) AS people FROM fct_absence_days"
            " WHERE reason <> 'public_holiday' AND date_on BETWEEN $first AND $last GROUP BY date_on)",
            {"first": today, "last": today + timedelta(days=89)},
        ).fetchall()[0]
        assert int(page.locator("#peaks").get_attribute("data-value") or -1) == most


def test_an_unchosen_reason_is_in_no_figure(browser: Browser, report_url: str, data_dir: Path) -> None:
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    with (
        open_page(browser, report_url) as page,
        duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database,
    ):
        _choose(page, first, last, {"sick"})
        (sick,) = database.execute(
            "SELECT sum(absence_days) FROM absence_by_reason($first, $last) WHERE reason = 'sick'",
            {"first": first, "last": last},
        ).fetchall()[0]
        assert _figure(page, "absence-days") == sick
        assert page.locator("#by-reason tbody tr").count() == 1
        _choose(page, first, last, set())
        assert _figure(page, "absence-days") == 0


def test_a_range_that_ends_before_it_starts_shows_a_message(browser: Browser, report_url: str) -> None:
    with open_page(browser, report_url) as page:
        before = _figure(page, "absence-days")
        page.fill("#from", "2026-05-01")
        page.fill("#to", "2026-04-01")
        assert "before" in page.locator("#problem").inner_text()
        page.fill("#to", "2026-05-31")
        assert page.locator("#problem").inner_text() == ""
        assert _figure(page, "absence-days") < before


def test_the_page_can_be_used_with_the_keyboard(browser: Browser, report_url: str) -> None:
    with open_page(browser, report_url) as page:
        page.locator("#reasons input").first.focus()
        before = _figure(page, "absence-days")
        page.keyboard.press("Space")
        assert _figure(page, "absence-days") != before
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert {"from", "to", "measure", "history", "heat", "BUTTON", "SUMMARY"} <= reached


def test_every_chart_has_a_description_and_a_table(browser: Browser, report_url: str) -> None:
    with open_page(browser, report_url) as page:
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


def test_a_chart_is_read_with_the_arrow_keys(browser: Browser, report_url: str) -> None:
    with open_page(browser, report_url) as page:
        for chart in ("history", "heat", "seasons", "peaks"):
            page.locator(f"#{chart}").focus()
            page.keyboard.press("End")
            last = page.locator(f"#{chart}-readout").inner_text()
            page.keyboard.press("ArrowLeft")
            assert last
            assert page.locator(f"#{chart}-readout").inner_text() not in ("", last)
