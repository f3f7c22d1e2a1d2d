"""A report in a real Chromium: nothing is fetched, nothing is complained of, and hands and readers find their way."""

import os
import re
import shutil
from pathlib import Path

import pytest
from reports import CAREFUL, HOSTILE, MARK, data, evalengine, hostile_game
from runs import until

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[browser]'")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install '.[browser]'")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium, or CHROMIUM=/path/to/it"),
    pytest.mark.slow,
]
NIM = (Path(__file__).parent.parent / "docs/examples/nim.py").read_text()
PAGES = ["index", "board-1", "board-2", "matches", "match", "faults", "run"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A report of a run with an agent that crashes and a game whose drawing is hostile."""
    place = tmp_path_factory.mktemp("browser") / "a folder #1"  # as a stick may be called
    place.mkdir()
    (place / "hostile.py").write_text(HOSTILE)
    (place / "careful.py").write_text(CAREFUL)
    (place / "nim_seen.py").write_text(hostile_game(NIM, "nim_seen"))
    before = Path.cwd()
    os.chdir(place)
    try:
        agents = ["random", "hostile.py", "careful.py"]
        assert evalengine("run", *agents, "--games", "connect4 or ./nim_seen.py", "-n", 240) == 0
        assert evalengine("report", "-o", "out", "--frames", "200") == 0
        shutil.move(place / "out", place / "moved")  # nothing depends on where it was written
    finally:
        os.chdir(before)
    return place / "moved"


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = started.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


class Tab:
    """A page that notes what it asks for and what it complains of."""

    def __init__(self, chromium, folder, **options):
        self._folder = folder
        self._context = chromium.new_context(**options)
        self.page = self._context.new_page()
        self.asked, self.complaints = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message) or dialog.dismiss())

    def open(self, address):
        name, mark, rest = re.match(r"([\w.-]+)([?#]?)(.*)", address).groups()
        self.page.goto((self._folder / name).as_uri() + mark + rest)
        if name == "match.html":
            self.page.wait_for_selector("#match:not([hidden]), #told.notice")
        if name == "matches.html":
            self.page.wait_for_selector("#list tbody tr")
        return self.page

    def check(self):
        """Fail when something left the folder, or the page complained."""
        root = self._folder.as_uri() + "/"
        assert [url for url in self.asked if not url.startswith((root, "data:"))] == []
        assert self.complaints == []

    def close(self):
        self._context.close()


@pytest.fixture
def tab(chromium, folder):
    made = Tab(chromium, folder)
    yield made
    made.check()
    made.close()


def wait(page, condition):
    """Wait until a condition holds; asked from outside, since the page's policy forbids it to be evaluated inside."""
    until(lambda: page.evaluate(condition), 15)


def number_of(folder, fits):
    """Return the number of the first listed match whose row fits."""
    return next(row[0] for row in data(folder, "list-0") if fits(row))


# ------------------------------------------------------------------------------ every page


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_stays_in_its_folder_and_everybody_can_read_it(chromium, folder, name, scheme, width):
    tab = Tab(chromium, folder, color_scheme=scheme, viewport={"width": width, "height": 800})
    page = tab.open(f"{name}.html")
    found = axe.Axe().run(page, options={"preload": False})  # it would fetch style sheets itself
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"
    tab.check()
    tab.close()


def test_colours_follow_what_a_person_prefers(chromium, folder):
    grounds = []
    for scheme in ("light", "dark"):
        tab = Tab(chromium, folder, color_scheme=scheme)
        grounds.append(tab.open("index.html").evaluate("getComputedStyle(document.body).backgroundColor"))
        tab.close()
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]


# -------------------------------------------------------------------------------- the list


def test_the_list_is_filtered_and_the_address_keeps_the_filter(tab, folder):
    page = tab.open("matches.html")
    assert "of 240 matches" in page.inner_text("#status")
    page.get_by_label("Fault").select_option("crash")
    crashed = sum(bool(row[5]) for row in data(folder, "list-0"))
    assert f"of {crashed} matches" in page.inner_text("#status")
    page.get_by_label("Game").select_option(label="nim")
    shown = page.inner_text("#status")
    assert all(text.startswith("nim::") for text in page.locator("#list tbody th").all_inner_texts())
    page.reload()
    page.wait_for_selector("#list tbody tr")
    assert page.inner_text("#status") == shown
    page.get_by_role("button", name="Show all").click()
    wait(page, "document.querySelector('#status').textContent.includes('of 240')")


def test_a_long_list_is_shown_in_parts(tab):
    page = tab.open("matches.html")
    assert page.locator("#list tbody tr").count() == 100
    assert page.get_by_role("button", name="Back").is_disabled()
    page.get_by_role("button", name="On").click()
    page.get_by_role("button", name="On").click()
    assert page.inner_text("#status").startswith("201 to 240 of 240")
    assert page.get_by_role("button", name="On").is_disabled()


def test_a_cell_of_the_cross_table_leads_to_its_matches(tab):
    page = tab.open("index.html")
    cell = page.locator(".cross tbody td a").first
    won, drawn, lost = map(int, cell.locator("small").inner_text().split("-"))
    cell.click()
    page.wait_for_selector("#list tbody tr")
    assert f"of {won + drawn + lost} matches" in page.inner_text("#status")


# ------------------------------------------------------------------------------- the player


def test_the_player_is_led_by_keys_alone(tab):
    page = tab.open("match.html?no=0")
    first = page.get_attribute("#picture", "src")
    last = int(page.get_attribute("#turn", "max"))
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("#turn=1")
    assert page.get_attribute("#picture", "src") != first
    page.keyboard.press("End")
    assert page.url.endswith(f"#turn={last}")
    assert page.inner_text("#caption").startswith("The end")
    page.keyboard.press("ArrowLeft")
    assert page.url.endswith(f"#turn={last - 1}")
    page.keyboard.press("Home")
    assert page.get_attribute("#picture", "src") == first
    page.keyboard.press("Space")
    assert page.inner_text("#play") == "❚❚ pause"
    wait(page, f"location.hash === '#turn={last}' && !document.querySelector('#play').textContent.includes('pause')")
    assert page.get_by_role("button", name="next turn").is_disabled()


def test_every_control_of_the_player_is_reached_by_tab_and_shows_that_it_is(tab):
    page = tab.open("match.html?no=0#turn=1")
    reached = []
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", reached
    wanted = ["before", "after", "first", "previous", "play", "next", "last", "turn"]
    assert [name for name in reached if name in wanted] == [name for name in wanted if name != "before"]
    page.focus("#turn")
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("#turn=2")


def test_an_address_leads_to_its_turn(tab, folder):
    number = number_of(folder, lambda row: row[6] > 6)
    page = tab.open(f"match.html?no={number}#turn=5")
    assert page.inner_text("#caption").startswith("Before turn 5 of")
    assert page.inner_text("tr[aria-current] td:first-child") == "5"
    assert "--turn 5" in page.inner_text("#replay")
    page.evaluate("location.hash = '#turn=2'")
    wait(page, "document.querySelector('#caption').textContent.startsWith('Before turn 2')")
    page.locator("#turns a", has_text=re.compile("^4$")).click()
    wait(page, "document.querySelector('#caption').textContent.startsWith('Before turn 4')")
    page.evaluate("location.hash = '#turn=9999'")
    wait(page, "document.querySelector('#caption').textContent.startsWith('The end')")


def test_a_picture_is_shown_and_says_what_it_shows(tab, folder):
    page = tab.open(f"match.html?no={number_of(folder, lambda row: row[1] == 0)}")
    wait(page, "document.querySelector('#picture').complete")
    assert page.evaluate("document.querySelector('#picture').naturalWidth") > 0
    assert page.get_attribute("#picture", "alt") == page.text_content("#text")
    assert page.get_attribute("#picture", "alt").count("\n") >= 5


def test_the_crash_of_an_agent_is_found_from_the_first_page_on(tab):
    page = tab.open("index.html")
    page.get_by_role("link", name="with a fault").click()
    page.locator("article.fault h3 a").first.click()
    page.wait_for_selector("#match:not([hidden])")
    assert MARK in page.inner_text("#faults")
    assert 'File "hostile.py", line 4' in page.inner_text("#faults pre")
    assert MARK in page.inner_text("#logs pre")
    assert "crash in turn" in page.inner_text("#seats")
    assert re.search(r"evalengine replay '1/\w+::[\w-]+\[\d+\]' --turn \d+", page.inner_text("#replay"))
    assert "CRASH" in page.inner_text("tr[aria-current]")


def test_the_page_of_a_branch_says_what_its_parent_decided(chromium, folder):
    place = folder.parent
    before = Path.cwd()
    os.chdir(place)
    try:
        assert evalengine("branch", 0, "--turn", 3, "--seat", "0=random", "-n", 2, "--workers", 1) == 0
        assert evalengine("report", "-o", "branched", "--run", 2) == 0
    finally:
        os.chdir(before)
    tab = Tab(chromium, place / "branched")
    page = tab.open("match.html?no=0#turn=2")
    assert "Continues 1/0 from turn 3." in page.inner_text("#told")
    assert ". Then the parent: " in page.inner_text("#caption")
    rows = [row.split("\t") for row in page.locator("#turns tr").all_inner_texts()]
    assert [row[1] for row in rows[:3]] == ["opening", "opening", "parent"]
    assert [row[3] for row in rows[:3]] == ["–"] * 3  # noqa: RUF001 - what stands where nobody thought
    assert rows[3][1] not in {"opening", "parent"}
    assert rows[3][3] != "–"  # noqa: RUF001 - as above
    tab.check()
    tab.close()


def test_a_drawing_that_is_hostile_runs_nothing_and_asks_for_nothing(tab, folder):
    page = tab.open(f"match.html?no={number_of(folder, lambda row: row[1] == 1)}")
    wait(page, "document.querySelector('#picture').complete")
    assert page.evaluate("document.querySelector('#picture').naturalWidth") > 0
    assert "nim::" in page.title()
    assert page.locator("svg, script:not([src])").count() == 0


def test_a_match_without_pictures_says_how_to_see_it(tab, folder):
    number = number_of(folder, lambda row: not row[8])
    page = tab.open(f"match.html?no={number}")
    assert not page.is_visible("#picture")
    assert f"[{number}]'" in page.inner_text("#no-picture")
    assert page.locator("#turns tr").count() > 1
    tab.open("match.html?no=123456")
    assert "evalengine show 1/123456" in page.inner_text("#told")


def test_one_match_leads_to_the_next_over_files(tab):
    page = tab.open("match.html?no=98")
    for number in (99, 100, 101):
        page.click("#after")
        page.wait_for_selector("#match:not([hidden])")
        assert f"[{number}]" in page.inner_text("h1")
    for number in (100, 99):
        page.wait_for_selector("#before[href]")
        page.click("#before")
        playwright.expect(page.locator("h1")).to_contain_text(f"[{number}]")
