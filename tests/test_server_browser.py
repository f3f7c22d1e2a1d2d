"""The server's pages in a real Chromium: played in, looked on at, replayed, by mouse and by keys alone."""

import os
import re
import shutil

import pytest
from commandline import process
from reports import CAREFUL, HOSTILE
from runs import until
from served import Served, job

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[browser]'")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install '.[browser]'")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium, or CHROMIUM=/path/to/it"),
    pytest.mark.slow,
]
PAGES = [
    "/", "/runs/1", "/runs/1/about", "/runs/1/faults", "/runs/1/agents/1", "/runs/1/matches", "/runs/1/matches/2",
    "/live", "/play", "/play/tron", "/games", "/games/market_simulator", "/agents", "/jobs", "/jobs/1", "/login",
    "/runs/99",
]  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    (folder / "hostile.py").write_text(HOSTILE)
    (folder / "careful.py").write_text(CAREFUL)
    agents = ["random", "hostile.py", "careful.py"]
    run = process(
        "run", *agents, "--games", "connect4 or hex(size=4)", "-n", 150, "--workers", 1, "--db", "arena.db", cwd=folder
    )
    assert run.returncode == 0, run.stderr
    with Served(folder, "--rate", "0") as started:
        with started.client("admin") as client:
            job(client, "count")
        yield started


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = started.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


class Person:
    """A browser of its own, which notes what it asks for and what it complains of."""

    def __init__(self, chromium, served, **options):
        self._served = served
        self._context = chromium.new_context(base_url=served.url, **options)
        self.page = self._context.new_page()
        self.asked, self.complaints = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("websocket", lambda socket: self.asked.append(socket.url.replace("ws://", "http://")))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message) or dialog.dismiss())

    def play(self, game, **fields):
        """Open a match by the form, as a person does; return the page once it is their turn."""
        self.page.goto(f"/play/{game}")
        self.page.get_by_label("Against").select_option(fields.pop("against", "random"))
        for label, value in fields.items():
            self.page.get_by_label(label).fill(value)
        self.page.get_by_role("button", name="Play", exact=True).click()
        return self.page

    def check(self, *, allowed=()):
        """Fail when something left the server, or the page complained."""
        assert [url for url in self.asked if not url.startswith((self._served.url + "/", "data:"))] == []
        assert [text for text in self.complaints if not any(word in text for word in allowed)] == []

    def close(self):
        self._context.close()


@pytest.fixture
def person(chromium, served):
    made = Person(chromium, served)
    yield made
    made.check()
    made.close()


def status(page):
    return page.inner_text("#status")


def its_turn(page):
    until(lambda: status(page) == "Your turn" or "after" in status(page), 15)
    return status(page) == "Your turn"


def problems(page):
    return axe.Axe().run(page, options={"preload": False})


# ------------------------------------------------------------------------------ every page


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_ask_nobody_else_and_everybody_can_read_them(chromium, served, scheme, width):
    someone = Person(chromium, served, color_scheme=scheme, viewport={"width": width, "height": 800})
    for path in PAGES:
        page = someone.page
        page.goto(path)
        if "/matches/" in path:
            page.wait_for_selector("#match:not([hidden])")
        found = problems(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the window"
    someone.check(allowed=["404"])
    someone.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("game", ["connect4", "checkers", "market_simulator", "leduc_poker"])
def test_a_live_match_can_be_read_by_everybody(chromium, served, game, scheme):
    for width in (1200, 390):
        someone = Person(chromium, served, color_scheme=scheme, viewport={"width": width, "height": 800})
        page = someone.play(game)
        assert its_turn(page)
        found = problems(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"
        someone.check()
        someone.close()


def test_names_in_a_narrow_window_are_not_broken_every_few_letters(chromium, served):
    someone = Person(chromium, served, viewport={"width": 400, "height": 800})
    page = someone.page
    page.goto("/runs/1/matches")
    assert page.locator("#list tbody th").first.bounding_box()["width"] >= 140
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('#list').parentElement)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    someone.check()
    someone.close()


# --------------------------------------------------------------------------------- to play


def test_a_match_is_played_by_clicks_on_the_board_and_replayed(person):
    page = person.play("tictactoe")
    while its_turn(page):
        turn = page.locator("input[name=turn]").first.get_attribute("value")
        page.locator(".touch").first.click()
        until(lambda turn=turn: not page.locator(f"input[name=turn][value='{turn}']").count(), 15)
    assert re.match(r"You won|You lost|A draw", status(page))
    assert page.locator("#leave").count() == 0
    page.get_by_role("link", name="Replay it").click()
    page.wait_for_selector("#match:not([hidden])")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("#turn=2")
    page.reload()
    page.wait_for_selector("#match:not([hidden])")
    assert page.inner_text("#caption").startswith("Before turn 2 of")
    assert "--turn 2" in page.inner_text("#replay")
    until(lambda: page.evaluate("document.querySelector('#picture').naturalWidth") > 0, 15)


def test_a_board_is_played_by_keys_alone(person):
    page = person.play("connect4")
    assert its_turn(page)
    page.locator(".touch").first.focus()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "0"
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "3"
    page.keyboard.press("Enter")
    until(lambda: its_turn(page) and "Turn 1" in page.inner_text("#table"), 15)
    assert page.evaluate("document.activeElement.closest('#table') !== null"), "the focus stays with the match"


def test_the_keyboard_stays_near_where_it_was(person):
    page = person.play("hex", size="5")
    assert its_turn(page)
    page.locator(".touch[aria-label='e5']").focus()
    page.keyboard.press("Enter")
    until(lambda: its_turn(page) and "Turn 1" in page.inner_text("#table"), 15)
    near = {"e4", "d5", "d4"}  # two at most are taken
    until(lambda: page.evaluate("document.activeElement.getAttribute('aria-label')") in near, 15)


def test_what_moves_and_where_to_are_two_clicks(person):
    page = person.play("breakthrough")
    assert its_turn(page)
    assert page.locator(".target:visible").count() == 0
    first = page.locator("[data-spot]").first
    first.click()
    assert first.get_attribute("aria-expanded") == "true"
    targets = page.locator(".target:visible")
    assert 1 <= targets.count() <= 3
    page.keyboard.press("Escape")
    first.focus()
    page.keyboard.press("Enter")
    page.locator(".target:visible").first.click()
    until(lambda: its_turn(page) and "Turn 1" in page.inner_text("#table"), 15)


def test_a_market_is_played_by_its_form(person):
    page = person.play("market_simulator", ticks="2")
    assert its_turn(page)
    page.get_by_label("Or write one").fill("buy 99 grain at 47")
    page.get_by_role("button", name="Send").click()
    until(lambda: "quantity" in page.inner_text("#refused"), 15)
    assert page.get_by_label("Or write one").input_value() == "buy 99 grain at 47"
    page.get_by_label("Or write one").fill("buy 9 grain at 60")
    page.get_by_role("button", name="Send").click()
    until(lambda: "buy 9 grain at 60" in page.inner_text("#table .facts"), 15)
    assert page.inner_text("#refused") == ""
    page.locator("#choice").select_option(index=1)
    page.get_by_role("button", name="Do it").click()
    until(lambda: "after 2 turns" in status(page), 15)


def test_an_action_is_taken_back(person):
    page = person.play("connect4")
    assert its_turn(page)
    page.locator(".touch").nth(2).click()
    until(lambda: its_turn(page) and page.locator("#undo").count(), 15)
    before = page.url
    page.click("#undo")
    page.wait_for_url(lambda url: url != before)
    until(lambda: its_turn(page), 15)
    assert page.locator("input[name=turn]").first.get_attribute("value") == "0"
    assert "continues another match" in page.inner_text("main")


def test_a_match_is_looked_on_at_from_another_browser(chromium, served, person):
    page = person.play("tictactoe")
    assert its_turn(page)
    other = Person(chromium, served)
    other.page.goto("/live")
    other.page.locator(f"a[href='{page.url.removeprefix(served.url)}']").click()
    assert "You are looking on" in other.page.inner_text("main")
    assert other.page.locator(".touch, form.actions").count() == 0
    first = other.page.get_attribute("#board img", "src")
    while its_turn(page):
        turn = page.locator("input[name=turn]").first.get_attribute("value")
        page.locator(".touch").first.click()
        until(lambda turn=turn: not page.locator(f"input[name=turn][value='{turn}']").count(), 15)
    until(lambda: "after" in status(other.page), 15)
    assert other.page.get_attribute("#board img", "src") != first
    other.check()
    other.close()


def test_another_person_joins_and_the_page_that_waited_goes_on(chromium, served, person):
    page = person.play("tictactoe", against="person")
    until(lambda: "waits for others" in page.inner_text("#table"), 15)
    other = Person(chromium, served)
    other.page.goto(page.url)
    other.page.get_by_role("button", name="Take a free seat").click()
    assert its_turn(page)
    assert "waits for others" not in page.inner_text("main")
    page.locator(".touch").first.click()
    assert its_turn(other.page)
    other.check()
    other.close()


def test_a_page_finds_its_server_again(tmp_path, chromium):
    with Served(tmp_path) as first:
        someone = Person(chromium, first)
        page = someone.play("connect4")
        assert its_turn(page)
        first.kill()
        until(lambda: "trying again" in page.inner_text("#connection"), 15)
        for button in (".actions button >> nth=0", "#leave button"):
            page.evaluate("document.getElementById('refused').textContent = ''")
            page.locator(button).click()
            assert "wait until it is back" in page.inner_text("#refused")
            assert page.url.startswith(first.url), "no form leads away from the page"
    with Served(tmp_path, "--port", str(first.port)):
        until(lambda: page.inner_text("#connection") == "", 30)
        until(lambda: _acted(page), 30)  # the match may be just being begun again
    someone.check(allowed=["WebSocket connection", "ERR_"])
    someone.close()


def _acted(page):
    touch = page.locator(".touch").first
    if "Turn 1" not in page.inner_text("#table") and touch.count():
        touch.click()
        page.wait_for_timeout(300)
    return "Turn 1" in page.inner_text("#table")


def test_pages_work_without_a_script(chromium, served):
    someone = Person(chromium, served, java_script_enabled=False)
    page = someone.play("tictactoe")
    until(lambda: page.reload() and page.locator("form.actions button").count(), 15)
    with page.expect_navigation():  # which a reload would break off
        page.locator("form.actions button").first.click()
    until(lambda: page.reload() and page.locator("form.actions button").count() == 7, 15)
    page.goto("/runs/1/matches?fault=crash")
    assert page.locator("#list tbody tr").count() > 10
    someone.check()
    someone.close()


# --------------------------------------------------------------------------------- to look


def test_the_standings_follow_a_run_that_goes_on(chromium, tmp_path):
    (tmp_path / "slow.py").write_text(
        "import time\ndef act(observation):\n    time.sleep(0.01)\n    return observation.legal[0]\n"
    )
    with Served(tmp_path) as served, served.client("admin") as client:
        asked = {"games": "tictactoe", "agents": ["slow.py", "random"], "matches": 400}
        number = job(client, "evaluate", **asked)
        someone = Person(chromium, served)
        page = someone.page
        until(lambda: page.goto("/") and page.locator("#standings").count(), 30)
        page.locator(".standings a").last.focus()
        focused = page.evaluate("document.activeElement.getAttribute('href')")
        for _ in range(2):
            before = page.inner_text("#going-on p")
            until(lambda before=before: page.inner_text("#going-on p") != before, 15)
            until(lambda: page.evaluate("document.activeElement.getAttribute('href')") == focused, 5)
        page.goto(f"/jobs/{number}")
        before = page.inner_text("#job")
        until(lambda: page.inner_text("#job") != before, 15)
        page.get_by_role("button", name="Cancel it").click()
        until(lambda: "cancelled" in page.inner_text("#job"), 30)
        someone.check()
        someone.close()


def test_filters_of_matches_lead_to_a_replay_with_its_fault(person):
    page = person.page
    page.goto("/runs/1/matches")
    page.get_by_label("Fault").select_option("crash")
    page.get_by_role("button", name="Show", exact=True).click()
    assert page.get_by_label("Fault").input_value() == "crash"
    page.locator("#list tbody a").first.click()
    page.wait_for_selector("#match:not([hidden])")
    assert "crash in turn" in page.inner_text("#seats")
    assert "Traceback" in page.inner_text("#faults")
    assert "alert(2)" in page.inner_text("#logs")
    page.click("#after")
    page.wait_for_selector("#match:not([hidden])")
    page.locator("#seats a").first.click()
    assert page.locator("#list tbody tr").count() > 10


def test_a_person_from_elsewhere_logs_in_and_out(chromium, served):
    someone = Person(chromium, served, extra_http_headers={"x-forwarded-for": "198.51.100.7"})
    page = someone.page
    page.goto("/play/tictactoe")
    assert "/login" in page.url
    page.get_by_label("Key").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    assert "no key" in page.inner_text("[role=alert]")
    page.get_by_label("Key").fill(served.key("play"))
    page.get_by_role("button", name="Log in").click()
    assert page.url.endswith("/play/tictactoe")
    page.get_by_label("Against").select_option("random")
    page.get_by_role("button", name="Play", exact=True).click()
    assert its_turn(page)
    page.get_by_role("button", name="Log out").click()
    page.goto("/live")
    assert "/login" in page.url
    someone.check(allowed=["403"])
    someone.close()
