"""The page for colleagues in a real browser: today by name, without reasons, for every reader and every team."""

import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, Page

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.browser import PHONE, open_page
from tests.support.program import run_ooo
from tests.support.readings import Absence, Calendar, Membership, Policy, Team, TeamReading
from tests.support.report_pages import write_pages
from tests.support.warehouse import night, read_all

pytestmark = pytest.mark.slow

FRIDAY = datetime(2026, 1, 9, 12)  # noqa: DTZ001 - UTC, as the warehouse stores instants
USERS = (1, 2, 3, 4, 5, 6)
NONE_OUT = "Nobody is out today."  # prose: allow


def _team_reading() -> TeamReading:
    return TeamReading(
        teams=(Team(1, "Alpha"), Team(2, "Beta")),
        memberships=tuple(
            Membership(100 * team + user, team, user)
            for team, user in ((1, 1), (1, 2), (1, 3), (2, 3), (2, 4))
        ),
        list_verdict="complete",
        verdicts={1: "complete", 2: "complete"},
    )


def _before() -> tuple[Absence, ...]:
    return (
        Absence(1, 1, date(2026, 1, 7), date(2026, 1, 13), cover=2),
        Absence(4, 4, date(2026, 1, 19), date(2026, 1, 20)),
        Absence(5, 5, date(2026, 1, 15), date(2026, 1, 16), reason="travel"),
        Absence(8, 3, date(2025, 12, 1), date(2025, 12, 2)),
    )


def _after() -> tuple[Absence, ...]:
    return (
        Absence(1, 1, date(2026, 1, 7), date(2026, 1, 13), cover=2),
        Absence(2, 2, date(2026, 1, 9), date(2026, 1, 9), reason="sick"),
        Absence(3, 3, date(2026, 1, 12), date(2026, 1, 14), reason="custom"),
        Absence(4, 4, date(2026, 1, 20), date(2026, 1, 21)),
        Absence(6, 6, date(2026, 1, 9), date(2026, 1, 9), reason="public_holiday"),
        Absence(7, 2, date(2026, 1, 12), date(2026, 1, 12), reason="public_holiday"),
        Absence(9, 3, date(2025, 12, 1), date(2025, 12, 3)),
    )


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write the pages about six people over two nights; the second night is Friday, 9 January 2026."""
    return write_pages(
        tmp_path_factory.mktemp("small"),
        read_all(_before(), at=night(8), users=USERS, teams=_team_reading()),
        read_all(_after(), at=night(9), users=USERS, teams=_team_reading()),
    )


def _texts(page: Page, selector: str) -> list[str]:
    return [re.sub(r"\s+", " ", text) for text in page.locator(selector).all_inner_texts()]


def _facts(url: str) -> dict[str, object]:
    text = Path(url.removeprefix("file://")).read_text(encoding="utf-8")
    script = re.search(r'id="facts">(.*?)</script>', text, re.DOTALL)
    assert script
    facts: dict[str, object] = json.loads(script[1])
    return facts


def test_the_page_opens_on_today_by_name(browser: Browser, urls: dict[str, str]) -> None:
    with open_page(browser, urls["away"], FRIDAY) as page:
        assert page.locator("#date").inner_text() == "Friday 9 Jan 2026"
        assert page.locator("h1").inner_text() == "2 people are out today; 1 is back on Tuesday."
        # Person 2 has a public holiday on Monday, so that Tuesday is the first working day.
        assert _texts(page, "#out li") == [
            "Person 1 #1 back on Wed 14 Jan covered by Person 2 (#2)",
            "Person 2 #2 back on Tue 13 Jan",
        ]
        assert page.locator("#joining-title").inner_text() == "Absences that begin by Monday"
        assert _texts(page, "#joining li") == ["Person 0 #3 back on Thu 15 Jan"]


def test_the_page_lists_what_is_new_since_yesterday(browser: Browser, urls: dict[str, str]) -> None:
    with open_page(browser, urls["away"], FRIDAY) as page:
        assert page.locator("#changes-title").inner_text() == "New since yesterday"
        assert _texts(page, "#changes li") == [
            "added Person 2 #2 away Fri 9 Jan",
            "added Person 0 #3 away Mon 12 Jan to Wed 14 Jan",
            "cancelled Person 2 #5 not away Thu 15 Jan to Fri 16 Jan",
            "moved Person 1 #4 Mon 19 Jan to Tue 20 Jan moved to Tue 20 Jan to Wed 21 Jan",
        ]


def test_a_first_snapshot_has_nothing_to_compare_with(browser: Browser, tmp_path: Path) -> None:
    urls = write_pages(tmp_path, read_all(_after(), at=night(9), users=USERS))
    with open_page(browser, urls["away"], FRIDAY) as page:
        assert page.locator("#changes li").count() == 0
        assert "no snapshot of an earlier date" in page.locator("#changes-none").inner_text()


def test_the_page_for_colleagues_has_no_reasons_in_its_file(
    urls: dict[str, str], away_url: str, data_dir: Path
) -> None:
    with duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database:
        words = [
            word for row in database.sql("SELECT reason, label FROM dim_reasons").fetchall() for word in row
        ]
    assert "Sick leave" in words
    for url in (urls["away"], away_url):
        text = Path(url.removeprefix("file://")).read_text(encoding="utf-8").lower()
        assert [word for word in words if re.search(rf"\b{word.lower()}\b", text)] == []
        facts = _facts(url)
        assert "measures" not in facts
        assert "reasons" not in facts


def test_two_weeks_are_one_bar_per_absence_and_today_is_in_view(
    browser: Browser, urls: dict[str, str]
) -> None:
    with open_page(browser, urls["away"], FRIDAY) as page:
        headers = page.locator("#board thead th")
        assert headers.count() == 15
        assert "today" in (headers.nth(1).get_attribute("class") or "")
        assert page.locator("#board .bar").evaluate_all("bars => bars.map(bar => bar.ariaLabel)") == [
            "Person 0 (#3): Away Mon 12 Jan to Wed 14 Jan, back on Thu 15 Jan",
            "Person 1 (#1): Away Wed 7 Jan to Tue 13 Jan, back on Wed 14 Jan, covered by Person 2 (#2)",
            "Person 1 (#4): Away Tue 20 Jan to Wed 21 Jan, back on Thu 22 Jan",
            "Person 2 (#2): Away Fri 9 Jan, back on Tue 13 Jan",
        ]
        page.check("#past")
        assert page.locator("#board thead th.today").is_visible()
        assert page.locator("#board thead th").count() == 22


def test_the_arrow_keys_move_among_the_bars_and_show_their_text(
    browser: Browser, urls: dict[str, str]
) -> None:
    with open_page(browser, urls["away"], FRIDAY) as page:
        page.locator("#board .bar[tabindex='0']").focus()
        assert "Mon 12 Jan" in page.locator("#tip").inner_text()
        page.keyboard.press("ArrowDown")
        assert "covered by Person 2" in page.locator("#tip").inner_text()
        assert page.locator("#board .bar[tabindex='0']").count() == 1
        page.keyboard.press("Escape")
        assert not page.locator("#tip").is_visible()


def test_my_team_is_in_the_address_and_is_remembered(browser: Browser, urls: dict[str, str]) -> None:
    with open_page(browser, urls["away"], FRIDAY) as page:
        page.select_option("#team", label="Alpha")
        assert page.locator("h1").inner_text() == "2 of 3 people are out today; 1 is back on Tuesday."
        assert page.url.endswith("#team=7%2F1")
        # Present members of a chosen team have a row, too.
        assert page.locator("#board tbody tr").count() == 3
        page.goto(urls["away"])
        page.reload()
        assert page.locator("#team").evaluate("team => team.selectedOptions[0].text") == "Alpha"
    with open_page(browser, f"{urls['away']}#team=7%2F2&search=person+0", FRIDAY) as page:
        assert page.locator("h1").inner_text() == "None of 1 person is out today."
        assert page.locator("#search").input_value() == "person 0"
        page.fill("#search", "x-ray, person 1")
        assert _texts(page, "#board tbody th") == ["Person 1 #4"]


def test_the_board_is_grouped_by_team(browser: Browser, urls: dict[str, str]) -> None:
    with open_page(browser, f"{urls['away']}#group=team", FRIDAY) as page:
        assert _texts(page, "#board .group") == [
            "Alpha 2 people out today",
            "Beta 0 people out today",
        ]
        assert _texts(page, "#board tbody tr:not(.group) th") == [
            *("Person 0 #3", "Person 1 #1", "Person 2 #2"),
            *("Person 0 #3", "Person 1 #4"),
        ]


def test_a_page_that_is_opened_two_weeks_later_says_so(browser: Browser, urls: dict[str, str]) -> None:
    with open_page(browser, urls["away"], FRIDAY + timedelta(days=13)) as page:
        assert page.locator("#date").inner_text() == "Thursday 22 Jan 2026"
        assert (
            "This page is 13 days old. It was read from Cal.com on Fri 9 Jan 2026."
            in page.locator("#age").inner_text()
        )
        assert page.locator("#age").evaluate("e => getComputedStyle(e).color") == "rgb(176, 31, 51)"
        assert page.locator("h1").inner_text() == NONE_OUT
        assert page.locator("#changes-title").inner_text() == "New from Thu 8 Jan to Fri 9 Jan"
        assert page.locator("#board-dates").inner_text() == "Thu 22 Jan to Wed 4 Feb"
    with open_page(browser, urls["away"], FRIDAY) as page:
        assert not page.locator("#age").is_visible()
    with open_page(browser, urls["away"], FRIDAY + timedelta(days=200)) as page:
        assert page.locator("h1").inner_text() == "This page ends on Sat 9 May 2026."


def test_today_is_the_date_of_the_reader(browser: Browser, urls: dict[str, str]) -> None:
    late = datetime(2026, 1, 9, 23)  # noqa: DTZ001 - UTC; it is Saturday in Tokyo
    with open_page(browser, urls["away"], late, timezone_id="Asia/Tokyo") as page:
        assert page.locator("#date").inner_text() == "Saturday 10 Jan 2026"
        assert page.locator("h1").inner_text() == "1 person is out today, back on Wednesday."


def test_public_holidays_are_a_tint_and_not_absences(browser: Browser, tmp_path: Path) -> None:
    christmas = date(2026, 1, 14)
    holidays = tuple(Absence(user, user, christmas, christmas, reason="public_holiday") for user in USERS)
    url = write_pages(tmp_path, read_all(holidays, at=night(14), users=USERS))["away"]
    with open_page(browser, url, FRIDAY + timedelta(days=5)) as page:
        assert page.locator("h1").inner_text() == NONE_OUT
        assert page.locator("#board .bar").count() == 0
        assert "holiday" in (page.locator("#board thead th").nth(1).get_attribute("class") or "")
        assert page.locator("#board-holidays").inner_text() == "Wed 14 Jan: bank holiday of 6 people"
        assert "bank holiday of 6 people" in page.locator("#holiday").inner_text()


def test_organizations_have_their_names(browser: Browser, tmp_path: Path, pictures: Path) -> None:
    readings = [
        read_all(_after(), at=night(9), users=USERS, organization_id=organization_id)
        for organization_id in (7, 8, 9)
    ]
    url = write_pages(tmp_path, *readings, names={7: "Acme", 8: "Globex"})["away"]
    with open_page(browser, url, FRIDAY) as page:
        assert page.locator("h1").inner_text() == "6 people are out today; 3 are back on Tuesday."
        page.screenshot(path=pictures / "away-organizations.png", full_page=True)
        assert "Person 1 #1, Acme" in _texts(page, "#out strong")
        page.select_option("#organization", label="Globex")
        assert page.url.endswith("#organization=8")
        assert page.locator("h1").inner_text() == "2 people are out today; 1 is back on Tuesday."
        assert "Organization 9" in _texts(page, "#organization option")


def test_an_organization_that_left_the_fleet_does_not_make_the_page_old(
    browser: Browser, tmp_path: Path
) -> None:
    readings = [
        read_all(_after(), at=night(number), users=USERS, organization_id=organization_id)
        for organization_id, number in ((7, 9), (8, 2))
    ]
    url = write_pages(tmp_path, *readings, names={8: "Globex"}, left_fleet_id=8)["away"]
    with open_page(browser, url, FRIDAY) as page:
        assert not page.locator("#age").is_visible()
        page.select_option("#organization", label="Globex (no longer read)")
        assert "7 days old" in page.locator("#age").inner_text()


def test_the_people_who_are_out_are_those_of_the_macro(
    browser: Browser, away_url: str, data_dir: Path
) -> None:
    with (
        open_page(browser, away_url) as page,
        duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as database,
    ):
        today = date.fromisoformat(page.evaluate("new Date().toISOString().slice(0, 10)"))
        for last, selector in ((today, "#out li strong"), (today + timedelta(days=13), "#board tbody th")):
            expected = database.execute(
                "SELECT DISTINCT user_id, name FROM who_is_out($first, $last) WHERE reason <> 'public_holiday'",
                {"first": today, "last": last},
            ).fetchall()
            shown = page.locator(selector).evaluate_all("rows => rows.map(row => row.firstChild.textContent)")
            assert sorted(shown) == sorted(name for _, name in expected)


def test_on_a_phone_today_is_on_the_first_screen_and_the_filters_are_folded(
    browser: Browser, urls: dict[str, str]
) -> None:
    with open_page(browser, urls["away"], FRIDAY, **PHONE) as page:
        box = page.locator("#out li").first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < PHONE_HEIGHT
        assert not page.locator("#search").is_visible()
        page.locator("#view summary").click()
        assert page.locator("#search").is_visible()


PHONE_HEIGHT = 844


def test_a_name_with_markup_is_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    world = World.generate(people=3)
    today = date.today()  # noqa: DTZ011 - the browser's date
    world.add_entry(world.add_user(name=hostile), today, today + timedelta(days=1))
    with serve(Simulator(world, limits=None)) as server:
        done = run_ooo("sync", "--quiet", cwd=tmp_path, CALCOM_API_URL=server.url, CALCOM_API_KEY=OWNER_KEY)
    assert done.returncode == 0, done.stderr
    for name in ("out-of-office", "absence-report"):
        with open_page(browser, (tmp_path / "data" / "reports" / f"{name}.html").as_uri()) as page:
            assert hostile in page.locator("#out").inner_text()
            assert page.locator("img").count() == 0


def test_five_thousand_people_fit_and_print_completely(
    browser: Browser, tmp_path: Path, pictures: Path
) -> None:
    users = tuple(range(1, 5001))
    absences = tuple(
        Absence(
            number,
            1 + number % 5000,
            date(2025, 12, 25) + timedelta(days=number * 7919 // 20 % 150),
            date(2025, 12, 25) + timedelta(days=number * 7919 // 20 % 150 + number % 5),
            reason=("vacation", "sick", "travel")[number % 3],
            cover=1 + number * 3 % 5000 if number % 4 == 0 else None,
        )
        for number in range(1, 15_001)
    )
    urls = write_pages(tmp_path, read_all(absences, at=night(9), users=users))
    for name in ("away", "report"):
        assert (tmp_path / f"{name}.html").stat().st_size < 1_500_000
        with open_page(browser, urls[name], FRIDAY) as page:
            page.screenshot(path=pictures / f"{name}-5000.png")
            assert page.locator("#board tbody tr").count() < 100
            assert page.evaluate("document.querySelectorAll('*').length") < 5000
            with duckdb.connect(tmp_path / "ooo.duckdb", read_only=True) as database:
                away = database.execute(
                    "SELECT count(DISTINCT user_id) FROM who_is_out('2026-01-09', '2026-01-22')"
                ).fetchall()[0][0]
            page.pdf(path=pictures / f"{name}-5000.pdf", format="A4")
            page.emulate_media(media="print")
            assert page.locator("#board tbody tr").count() == away > 500
            assert f"all {away:,} people" in page.locator("#board-print").inner_text()
            assert page.locator("#board-print").is_visible()
            if name == "report":
                gaps = page.locator("#conflicts tbody tr").count()
                assert f"all {gaps:,} absences" in page.locator("#cover-print").inner_text()
                assert page.locator("#persons tbody tr").count() > 1000


def test_an_organization_without_entries_has_a_page(browser: Browser, tmp_path: Path, pictures: Path) -> None:
    urls = write_pages(tmp_path, read_all((), at=night(9), users=()))
    for name in ("away", "report"):
        with open_page(browser, urls[name], FRIDAY) as page:
            page.screenshot(path=pictures / f"{name}-empty.png", full_page=True)
            assert page.locator("h1").inner_text() == NONE_OUT


def test_work_calendars_decide_when_a_person_is_back(browser: Browser, tmp_path: Path) -> None:
    gulf = Policy(calendars={"gulf": Calendar(weekdays=frozenset({7, 1, 2, 3, 4}))}, default="gulf")
    absence = Absence(1, 1, date(2026, 1, 7), date(2026, 1, 8))
    url = write_pages(tmp_path, read_all((absence,), at=night(8), users=(1,), policy=gulf))["away"]
    with open_page(browser, url, FRIDAY - timedelta(days=1)) as page:
        assert page.locator("h1").inner_text() == "1 person is out today, back on Sunday."


def test_pseudonymised_people_are_numbers_on_both_pages(browser: Browser, tmp_path: Path) -> None:
    world = World.generate(people=20)
    with serve(Simulator(world, limits=None)) as server:
        done = run_ooo(
            "sync",
            "--quiet",
            cwd=tmp_path,
            CALCOM_API_URL=server.url,
            CALCOM_API_KEY=OWNER_KEY,
            OOO_PSEUDONYMISE="true",
            OOO_PSEUDONYM_KEY="0123456789abcdef" * 2,
        )
    assert done.returncode == 0, done.stderr
    for name in ("out-of-office", "absence-report"):
        path = tmp_path / "data" / "reports" / f"{name}.html"
        text = path.read_text(encoding="utf-8")
        assert not [user["email"] for user in world.users() if user["email"] in text or user["name"] in text]
        with open_page(browser, path.as_uri()) as page:
            page.select_option("#span", "56")
            people = _texts(page, "#board tbody th")
            assert people
            assert all(re.fullmatch(r"Person \d+", person) for person in people)
