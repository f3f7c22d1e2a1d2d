"""The pages of the server over HTTP: what they show, empty and filled, to whom, and what strangers cannot do there."""

import contextlib
import html
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from commandline import environment, process
from reports import CAREFUL, HOSTILE, MARK
from served import LIMIT_S, Served, ended, job, until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from evalengine.errors import UsageError
from evalengine.model import GameSpec
from evalengine.web.pages import opening_pages
from evalengine_games.specs import SPECS

GAMES = [spec.name for spec in SPECS]
RUN_PAGES = [
    "/", "/runs/1", "/runs/1/boards/1", "/runs/1?whole=1", "/runs/1/about", "/runs/1/faults", "/runs/1/agents/0",
    "/runs/1/agents/1", "/runs/1/matches", "/runs/1/matches/0",
]  # fmt: skip
PAGES = ["/", "/live", "/play", "/games", "/agents", "/jobs", "/login"]


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("empty"), "--rate", "0") as served:
        yield served


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A server of a database with a run of 120 matches, in which one agent crashes and writes what hurts browsers."""
    folder = tmp_path_factory.mktemp("filled")
    (folder / "hostile.py").write_text(HOSTILE)
    (folder / "careful.py").write_text(CAREFUL)
    run = process(
        "run", "random", "hostile.py", "careful.py", "--games", "connect4 or tictactoe", "-n", "240", "--workers", "1",
        "--db", "arena.db", cwd=folder,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    with Served(folder, "--rate", "0") as served:
        yield served


def page(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status, f"{path}: {answer.status_code}\n{answer.text[-600:]}"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


def text(source):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", source)).split())


def opened(client, game, **told):
    """Open a match by the form; return its address."""
    answer = client.post(f"/play/{game}", data={"against": "random", "seat": 0, **told})
    assert answer.status_code == 303, text(answer.text)
    return answer.headers["location"]


def asked(client, address):
    """Return the page of a match once it is the visitor's turn, or over."""

    def look():
        found = page(client, address)
        return found if re.search(r"Your turn|, after \d+ turns|Ended without", text(found)) else None

    return until(look, "the visitor's turn")


def turn(source):
    return int(re.search(r'name="turn" value="(\d+)"', source)[1])


def do(client, address, source, choice):
    """Do an action of a page; return the page once the match has gone on."""
    now = turn(source)
    answer = client.post(f"{address}/act", data={"turn": now, "choice": choice})
    assert answer.status_code == 303, text(answer.text)
    return until(lambda: _gone_on(client, address, now), "the match has gone on")


def _gone_on(client, address, now):
    source = page(client, address)
    found = re.search(r'name="turn" value="(\d+)"', source)
    over = re.search(r", after \d+ turns", text(source))  # the word alone is in some rules
    return source if over or (found and int(found[1]) > now) else None


# ---------------------------------------------------------------------------- what is shown


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_an_empty_database_says_what_to_do_next(empty, path):
    with empty.client() as client:
        shown = text(page(client, path))
    assert "evalengine" in shown
    wanted = {
        "/": "evalengine run --games strategy -n 500 --db arena.db", "/live": "Begin one", "/play": "tictactoe",
        "/games": "evalengine new game NAME", "/agents": "evalengine run mybot.py", "/jobs": "evalengine keys create",
        "/login": "evalengine keys create",
    }  # fmt: skip
    assert wanted[path] in shown


@pytest.mark.parametrize("path", RUN_PAGES)
def test_pages_of_a_run_show_hostile_names_and_logs_as_text(filled, path):
    with filled.client() as client:
        answer = client.get(path)
    assert answer.status_code == 200
    assert MARK not in answer.text
    assert "<script>alert" not in answer.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\u2028]", answer.text)
    assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text), "the policy forbids these"
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text), "nothing is loaded from elsewhere"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_standings_of_a_run_and_its_cross_table_are_those_of_the_command(filled):
    told = process("standings", "1", "--db", "arena.db", "--format", "json", cwd=filled.folder)
    lines = json.loads(told.stdout)["standings"]
    with filled.client() as client:
        for path in ("/", "/runs/1"):
            shown = text(page(client, path))
            for line in lines:
                assert f"{line['wins']}-{line['draws']}-{line['losses']}" in shown
        assert page(client, "/runs/1").count('class="heat-') > 3
        assert "crash" in text(page(client, "/runs/1/faults"))


def crashed_in(served):
    """Return the numbers of the matches in which an agent crashed."""
    with sqlite3.connect(served.folder / "arena.db") as db:
        found = [
            row[0] - (1 << 40) for row in db.execute("select match from fault where kind = 'crash' order by match")
        ]
    db.close()
    return found


def test_an_agent_has_its_faults_and_logs_on_one_page(filled):
    with filled.client() as client:
        shown = text(page(client, "/runs/1/agents/1"))
    assert "hostile" in shown
    assert f"in {len(crashed_in(filled))} matches" in shown
    assert MARK in shown  # as text
    assert "stdout in match" in shown
    assert "evalengine show '1/" in shown


def numbers(source):
    return [int(found) for found in re.findall(r'href="/runs/1/matches/(\d+)"', source)]


def test_the_list_of_matches_is_read_in_parts_forwards_and_back(filled):
    with filled.client() as client:
        path, parts = "/runs/1/matches", []
        while path:
            source = page(client, path)
            parts.append(numbers(source))
            found = re.search(r'rel="next" href="([^"]+)"', source)
            path = html.unescape(found[1]) if found else None
            before = re.search(r'rel="prev" href="([^"]+)"', source)
        assert [number for part in parts for number in part] == list(range(240))
        assert [len(part) for part in parts] == [100, 100, 40]
        assert numbers(page(client, html.unescape(before[1]))) == parts[1]


def test_the_list_of_matches_is_filtered(filled):
    with filled.client() as client:
        crashed = numbers(page(client, "/runs/1/matches?fault=crash&agent=1"))
        assert crashed == crashed_in(filled)[:100]
        assert numbers(page(client, "/runs/1/matches?fault=crash&agent=0")) == []
        free = numbers(page(client, "/runs/1/matches?fault=none"))
        assert free == sorted(set(range(240)) - set(crashed_in(filled)))
        one = page(client, "/runs/1/matches?game=0&agent=0&against=2&result=won")
        assert 0 < len(numbers(one)) < 40
        assert all("random won" in row for row in re.findall(r"<tr><th scope=.row.*?</tr>", one, re.DOTALL))
        assert re.search(r'<option value="won" selected>', one)
        assert "No match fits" in page(client, "/runs/1/matches?result=void")
        for wrong in ("game=x", "result=maybe", "after=-1", "fault=<b>"):
            assert "<b>" not in page(client, f"/runs/1/matches?{wrong}", 400)


def test_the_player_loads_what_a_report_would_hold(filled):
    with filled.client() as client:
        source = page(client, "/runs/1/matches/2")
        where = re.search(r'data-source="([^"]+)"', source)[1]
        meta, turns, rows = (client.get(f"{where}{name}.json").json() for name in ("meta", "turns-0", "list-0"))
        assert meta["around"] == [1, 3]
        assert meta["firsts"] == [2]
        (match,) = turns["matches"]
        assert len(match["texts"]) == rows[0][6] + 1
        assert client.get(f"{where}other.json").status_code == 404
        assert client.get("/runs/1/matches/999/meta.json").status_code == 404


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/runs/99", "evalengine run"), ("/runs/1/matches/999", "evalengine show 1/0"),
        ("/runs/1/agents/77", "standings"),
        ("/runs/1/boards/77", "evalengine standings 1"), ("/games/nope", "evalengine games"), ("/live/nope", "Live"),
        ("/play/nope", "evalengine games"), ("/jobs/99", "Jobs"), ("/runs/99999999999999999999", "Runs"),
        ("/games/..%2f..%2fetc", "evalengine"), ("/jobs/99999999999999999999999999", "Jobs"),
    ],
)  # fmt: skip
def test_a_page_that_is_not_there_says_what_to_do(filled, path, told):
    with filled.client(accept="text/html") as client:
        answer = client.get(path)
    assert answer.status_code == 404
    assert told in answer.text


def test_an_address_that_leads_nowhere_is_a_page_of_the_site(filled):
    elsewhere = {"x-forwarded-for": "198.51.100.7"}
    with filled.client(accept="text/html") as client, filled.client(accept="text/html", **elsewhere) as stranger:
        for path in ("/nope", "/runs/abc", "/live/", "/nope/<b>"):
            shown = page(client, path, 404)
            assert 'href="/live"' in shown, "its navigation"
            assert "there is no page /" in text(shown)
            assert "<b>" not in shown
        assert 'href="/live"' not in page(stranger, "/nope", 404)
        assert stranger.post("/nope").status_code == 404
    with filled.client() as program:
        assert program.get("/nope").json()["error"]["code"] == "NOT_FOUND"
        assert text(page(program, "/runs")) == text(page(program, "/"))
        assert "waiting, active, completed, failed" in page(program, "/live?state=<b>", 400)


def test_a_program_that_wants_json_is_told_in_json(filled):
    with filled.client(accept="application/json") as client:
        answer = client.get("/runs/99")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "NOT_FOUND"


def test_the_files_of_pages_are_those_of_the_report_and_no_others(filled):
    with filled.client() as client:
        assert "report.css" in page(client, "/")
        assert client.get("/static/report/report.css").headers["content-type"].startswith("text/css")
        assert "Zero-Clause BSD" in client.get("/static/pages/htmx.LICENSE.txt").text
        assert client.get("/static/pages/..%2fsite.py").status_code == 404
        assert client.get("/static/report/nothing.css").status_code == 404


def test_a_run_that_another_process_plays_is_followed(tmp_path):
    """Its stored progress is shown, and that it was killed once it was."""
    slow = "import time\ndef act(observation):\n    time.sleep(0.02)\n    return observation.legal[0]\n"
    (tmp_path / "slow.py").write_text(slow)
    command = ["run", "slow.py", "random", "--games", "tictactoe", "-n", "5000", "--workers", "1", "--db", "arena.db"]
    with Served(tmp_path) as served, served.client() as client:
        run = subprocess.Popen(
            [sys.executable, "-m", "evalengine", *command], cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until(lambda: "being played" in page(client, "/"), "the run is listed")
            shown = until(lambda: re.search(r"([\d,]+) of 5,000 matches", page(client, "/runs/1")), "some matches")
            assert 'hx-trigger="every 2s"' in page(client, "/runs/1")
            until(lambda: int(shown[1]) < _reached(client), "more matches")
        finally:
            run.kill()
            run.wait()
        until(lambda: "killed" in page(client, "/"), "the list says that it was killed")
        board = page(client, "/runs/1")
        assert "evalengine run --resume 1 --db arena.db" in board
        assert 'hx-trigger="every 2s"' not in board


def _reached(client):
    found = re.search(r"([\d,]+) of 5,000 matches", page(client, "/runs/1"))
    return int(found[1].replace(",", ""))


# --------------------------------------------------------------------------------- who may


@pytest.mark.parametrize("path", ["/", "/runs/1", "/live", "/jobs", "/play/hex", "/runs/1/matches/0/meta.json"])
@pytest.mark.parametrize(
    "header", [{"x-forwarded-for": "198.51.100.7"}, {"forwarded": "for=198.51.100.7"}, {"via": "1.1 proxy"}]
)
def test_who_comes_through_a_proxy_must_enter_a_key(filled, path, header):
    with filled.client(**header) as client:
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=%2F")
        assert client.post("/play/tictactoe", data={"against": "random"}).status_code == 401
        assert client.get("/static/report/report.css").status_code == 200
        assert client.get("/login").status_code == 200


@pytest.mark.parametrize("options", [["--login"], ["--trust-proxy", "127.0.0.1"], ["--allow-host", "arena.example"]])
def test_servers_for_others_ask_everybody_for_a_key(tmp_path, options):
    with Served(tmp_path, *options) as served:
        host = {"host": "arena.example"} if "--allow-host" in options else {}
        with served.client(**host) as client:
            assert client.get("/").status_code == 303
            assert "evalengine keys create" in page(client, "/login")


@contextlib.contextmanager
def entered(served, *scopes):
    """Yield a client that has entered a key on the login page."""
    with served.client(**{"x-forwarded-for": "198.51.100.7", "origin": served.url}) as client:
        answer = client.post("/login", data={"key": served.key(*scopes), "next": "/games"})
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == "/games"
        yield client


def test_a_key_that_was_entered_opens_what_its_scopes_say(filled):
    paths = {"/runs/1": "pages", "/runs/1/matches": "pages", "/play": "play", "/live": "play", "/jobs": "read"}
    for scope in ("pages", "play", "read", "admin"):
        with entered(filled, scope) as client:
            for path, needed in paths.items():
                fits = scope in {needed, "admin"} or (path, scope) == ("/live", "pages")
                answer = client.get(path)
                assert answer.status_code == (200 if fits else 403), (scope, path)
                assert fits or f"--scope {needed}" in answer.text or "--scope pages" in answer.text
            assert client.get("/").status_code == (200 if scope in {"pages", "admin"} else 303)
            assert client.get("/games/hex").status_code == 200


def test_the_cookie_of_a_login_is_for_this_server_alone_and_ends(filled):
    key = filled.key("pages", name="leaver")
    headers = {"x-forwarded-for": "198.51.100.7"}
    with filled.client(**headers) as client:
        cookie = client.post("/login", data={"key": key, "next": "//evil.example"}).headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert key not in cookie
        assert "leaver" in page(client, "/")
        assert process("keys", "revoke", "leaver", "--db", "arena.db", cwd=filled.folder).returncode == 0
        assert client.get("/").status_code == 303
    with entered(filled, "pages") as client:
        assert client.get("/").status_code == 200
        assert client.post("/logout").headers["location"] == "/login"
        assert client.get("/").status_code == 303
    with filled.client(**headers) as client:
        assert client.post("/login", data={"key": "ee_forged"}).status_code == 403
        assert client.get("/", headers={"cookie": "evalengine=forged"}).status_code == 303


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_a_login_leads_nowhere_else(filled, wanted):
    with filled.client() as client:
        answer = client.post("/login", data={"key": filled.key("pages"), "next": wanted})
        assert answer.headers["location"] == "/"
        assert 'name="next" value="/"' in client.get("/login", params={"next": wanted}).text


def test_a_page_of_another_site_changes_nothing(filled):
    with filled.client() as client:
        for path in ("/play/tictactoe", "/login", "/logout", "/jobs/1/cancel", "/live/x/act"):
            assert client.post(path, headers={"origin": "https://evil.example"}).status_code == 403
            assert client.post(path, headers={"origin": "null"}).status_code == 403
        own = client.post("/play/tictactoe", data={"against": "random"}, headers={"origin": filled.url})
        assert own.status_code == 303


# ----------------------------------------------------------------------------------- to play


@pytest.mark.parametrize("game", GAMES)
def test_every_bundled_game_is_played_through_its_page(empty, game):
    """Open it, do the first action of the list, and be asked again, or see the end."""
    with empty.client() as client:
        assert "Play" in page(client, f"/play/{game}")
        address = opened(client, game)
        source = asked(client, address)
        choice = re.search(r'(?:name="choice" value=|<option value=)"(\d+)"', source)[1]
        after = do(client, address, source, choice)
        assert re.search(r"Your turn|Waiting for|after \d+ turns", text(after))


@pytest.mark.parametrize(
    "game", ["breakthrough", "checkers", "connect4", "hex", "kalah", "othello", "tictactoe", "tron"]
)
def test_actions_of_a_board_lie_over_its_drawing(empty, game):
    with empty.client() as client:
        source = asked(client, opened(client, game))
    picture = re.search(r'<img src="([^"]+)"', source)[1]
    box = [float(one) for one in re.search(r'class="touches" viewBox="([^"]+)"', source)[1].split()]
    spots = re.findall(r'<g class="touch.*?<rect x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)"', source)
    choices = set(re.findall(r'data-choice="(\d+)"', source))
    legal = set(re.findall(r'(?:name="choice" value=|<option value=)"(\d+)"', source))
    assert choices == legal
    for x, y, width, height in (tuple(map(float, spot)) for spot in spots):
        assert box[0] - 1 <= x < x + width <= box[0] + box[2] + 1
        assert box[1] - 1 <= y < y + height <= box[1] + box[3] + 1
    assert picture.startswith("/live/")


def test_where_a_move_begins_is_named_for_who_does_not_see_it(empty):
    with empty.client() as client:
        source = asked(client, opened(client, "breakthrough"))
    labels = re.findall(r'data-spot="\d+" aria-expanded="false" aria-label="([^"]+)"', source)
    legal = re.findall(r"<bdi>([a-h]\d)([a-h]\d)</bdi></button>|<option value=.\d+.>([a-h]\d)([a-h]\d)", source)
    wanted = {}
    for found in legal:
        start, end = filter(None, found)
        wanted.setdefault(start, []).append(end)
    assert len(labels) >= 8
    assert set(labels) == {f"{start}: from here to {', '.join(ends)}" for start, ends in wanted.items()}


def test_a_whole_match_is_stored_and_linked(empty):
    with empty.client() as client:
        address = opened(client, "tictactoe", seed="5")
        while "Your turn" in text(source := asked(client, address)):
            choice = re.search(r'name="choice" value="(\d+)"', source)[1]
            do(client, address, source, choice)
        stored = re.search(r'href="(/runs/\d+/matches/0)"', source)[1]
        assert re.search(r"You won|You lost|A draw", text(source))
        assert "Replay" in text(page(client, stored))
        assert client.get(f"{stored}/meta.json").json()["games"] == ["tictactoe"]
        assert address in page(client, "/live?state=completed")
        run = stored.removesuffix("/matches/0")
        for path in ("", "/about", "/faults", "/matches", "/agents/0"):
            assert "random" in page(client, run + path) or path == "/faults"


def test_an_action_is_written_where_the_list_is_not_all(empty):
    with empty.client() as client:
        address = opened(client, "market_simulator", **{"config-ticks": "3"})
        source = asked(client, address)
        for wrong, reason in (("buy 5 gold at 3", "gold"), ("dance", "is no action"), ("", "choose an action")):
            answer = client.post(f"{address}/act", data={"turn": 0, "text": wrong})
            assert answer.status_code == 422
            assert reason in text(answer.text)
        assert client.post(f"{address}/act", data={"turn": 7, "choice": 0}).status_code == 422
        assert client.post(f"{address}/act", data={"turn": 0, "choice": "99999"}).status_code == 422
        good = client.post(
            f"{address}/act", data={"turn": turn(source), "text": "buy 5 grain at 47, sell 2 silk at 230"}
        )
        assert good.status_code == 303, text(good.text)
        after = until(lambda: _gone_on(client, address, 0), "the next tick")
        assert "buy 5 grain at 47, sell 2 silk at 230" in text(after)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"against": "/etc/passwd"}, "no agent that plays"), ({"against": "cmd:sh"}, "no agent that plays"),
        ({"seat": "2"}, "has the seats 0 to 1"), ({"config-size": "99"}, "size must be"), ({"seed": "x"}, "a seed is"),
        ({"config-size": "5) or ./evil.py"}, "whole number"), ({"config-size": "__import__"}, "whole number"),
        ({"config-size": "1e9"}, "whole number"), ({"config-seats": "3"}, "seats must be"),
    ],
)  # fmt: skip
def test_a_form_that_does_not_work_is_shown_again_with_the_reason(empty, told, reason):
    with empty.client() as client:
        answer = client.post("/play/hex", data={"against": "random", "seat": "0", **told})
    assert answer.status_code == 422
    assert reason in text(answer.text)


def test_no_parameter_can_name_a_file():
    schemas = {"suite": {"type": "string", "default": "standard"}, "kind": {"type": "string", "enum": ["a", "b"]}}
    spec = GameSpec(name="read", version="1", doc="", max_turns=9, factory="read:Game", config=schemas)
    assert opening_pages.reference(spec, {"config-suite": "standard", "config-kind": "b"}) == (
        "read(suite='standard', kind='b')"
    )
    for told in ({"config-suite": ".env"}, {"config-suite": "a"}, {"config-kind": "c"}):
        with pytest.raises(UsageError, match="cannot be chosen here"):
            opening_pages.reference(spec, told)


def test_a_form_keeps_what_was_typed_and_escapes_it(empty):
    with empty.client() as client:
        answer = client.post("/play/hex", data={"against": MARK, "config-size": '7"><b>', "seed": "<i>"})
    assert answer.status_code == 422
    assert MARK not in answer.text
    assert "<b>" not in answer.text
    assert "<i>" not in answer.text


def test_what_is_no_form_is_refused(empty):
    with empty.client() as client:
        for body in (b"\xff\xfe=\xff", b"&".join(b"a=1" for _ in range(200)), b"text=%ff%fe"):
            assert client.post("/play/hex", content=body).status_code in {400, 422}


def test_an_action_is_taken_back_in_a_branch(empty):
    with empty.client() as client:
        address = opened(client, "connect4", seed="3")
        boards = []
        for choice in ("0", "1"):
            source = asked(client, address)
            boards.append(_board(source))
            do(client, address, source, choice)
        for board in reversed(boards):
            asked(client, address)
            answer = client.post(f"{address}/undo")
            assert answer.status_code == 303
            old, address = address, answer.headers["location"]
            assert _board(asked(client, address)) == board
            assert "taken back" in text(page(client, old))
        assert client.post(f"{address}/undo").status_code == 409


def _board(source):
    return re.search(r'<pre tabindex="0" aria-label="The position as text">(.*?)</pre>', source, re.DOTALL)[1]


def test_who_leaves_ends_a_match_against_agents(empty):
    with empty.client() as client:
        address = opened(client, "hex")
        asked(client, address)
        assert client.post(f"{address}/leave").status_code == 303
        until(lambda: "Ended without a result: left" in text(page(client, address)), "the end")
        assert client.post(f"{address}/leave").status_code == 409


def test_the_end_of_a_match_of_two_is_told_to_each(empty):
    with empty.client() as one, empty.client() as other:
        address = opened(one, "tictactoe", against="person")
        other.post(f"{address}/join")
        source = asked(one, address)
        while "Your turn" in text(source):
            for each in (one, other):
                source = asked(each, address)
                if "Your turn" in text(source):  # the first free field: a row in seven turns
                    each.post(f"{address}/act", data={"turn": turn(source), "choice": "0"})
            source = asked(one, address)
        assert "You won, after 7 turns" in text(source)
        assert "You lost, after 7 turns" in text(page(other, address))


def test_two_persons_play_each_other(empty):
    with empty.client() as one, empty.client() as other, empty.client() as third:
        address = opened(one, "tictactoe", against="person")
        assert "waits for others" in text(page(one, address))
        assert "Take a free seat" in page(other, address)
        assert other.post(f"{address}/join").status_code == 303
        assert third.post(f"{address}/join").status_code == 409
        first = asked(one, address)
        assert "Waiting for human" in text(page(other, address))
        assert 'action="/live' not in page(third, address)
        one.post(f"{address}/act", data={"turn": turn(first), "choice": "0"})
        assert turn(asked(other, address)) == 1
        assert "undo" not in page(one, address)


def test_who_leaves_another_person_looks_on_and_the_other_is_told(empty):
    with empty.client() as one, empty.client() as other:
        address = opened(one, "tictactoe", against="person")
        assert other.post(f"{address}/join").status_code == 303
        first = asked(one, address)
        assert other.post(f"{address}/leave").status_code == 303
        left = page(other, address)
        assert "You have left seat 1 and are looking on" in text(left)
        assert "(you)" not in left
        assert "/leave" not in left
        with follow(empty, address, one) as mine:
            told(mine, its_turn)
            do(one, address, first, "0")
            now = told(mine, lambda message: its_turn(message) and turn(message["html"]) == 2)
        assert "has left: an agent goes on, from turn 0" in text(now["html"])


def test_who_leaves_before_anybody_joined_has_ended_it(empty):
    with empty.client() as client:
        address = opened(client, "tictactoe", against="person")
        assert client.post(f"{address}/leave").status_code == 303
        assert "Ended without a result: left" in text(page(client, address))


def test_other_peoples_seats_are_theirs(empty):
    with empty.client() as mine, empty.client() as other:
        address = opened(mine, "tictactoe")
        now = turn(asked(mine, address))
        for what in ("act", "undo", "leave"):
            answer = other.post(f"{address}/{what}", data={"turn": now, "choice": "0"})
            assert answer.status_code == 403
            assert "you have no seat" in answer.text
        assert turn(asked(mine, address)) == now


def test_what_a_game_hides_is_drawn_for_its_seat_only(empty):
    with empty.client() as mine, empty.client() as other:
        address = opened(mine, "leduc_poker", seed="7")
        source = asked(mine, address)
        picture = html.unescape(re.search(r'<img src="([^"]+)"', source)[1])
        drawn = mine.get(picture)
        assert drawn.status_code == 200
        assert drawn.headers["content-type"].startswith("image/svg+xml")
        assert drawn.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        assert drawn.headers["x-content-type-options"] == "nosniff"
        assert other.get(picture).status_code == 404
        looked = page(other, address)
        assert "hides something" in looked
        assert "<pre" not in looked
        assert mine.get(re.sub(r"/\d+\.svg", "/77.svg", picture)).status_code == 404
        while "Your turn" in text(source):
            do(mine, address, source, "0")
            source = asked(mine, address)
        over = text(page(other, address))
        assert "now that it is over, the replay shows all of it" in over
        assert "while it goes on" not in over


def test_nobody_opens_more_matches_than_they_can_play(empty):
    with empty.client() as client:
        addresses = [opened(client, "tictactoe") for _ in range(16)]
        answer = client.post("/play/tictactoe", data={"against": "random"})
        assert answer.status_code == 409
        assert "finish or leave one" in text(answer.text)
        for address in addresses:
            client.post(f"{address}/leave")


def test_a_seat_is_kept_over_a_restart_of_the_server(tmp_path):
    with Served(tmp_path) as served, served.client() as client:
        address = opened(client, "connect4")
        source = asked(client, address)
        client.post(f"{address}/act", data={"turn": turn(source), "choice": "2"})
        asked(client, address)
        cookies = dict(client.cookies)
        served.kill()
    with Served(tmp_path) as served, httpx.Client(base_url=served.url, cookies=cookies, timeout=LIMIT_S) as client:
        source = asked(client, address)
        assert client.post(f"{address}/act", data={"turn": turn(source), "choice": "3"}).status_code == 303


# --------------------------------------------------------------------------- over a WebSocket


def follow(served, address, client=None, **options):
    cookies = "; ".join(f"{name}={value}" for name, value in (client.cookies.items() if client else ()))
    headers = {"Cookie": cookies} if cookies else {}
    return connect(f"ws://{served.netloc}{address}/ws", additional_headers=headers, **options)


def told(socket, fits):
    """Return the first message that fits."""
    while True:
        message = json.loads(socket.recv(timeout=LIMIT_S))
        if fits(message):
            return message


def its_turn(message):
    return "Your turn" in text(message.get("html", ""))


def test_a_match_is_played_and_looked_on_over_sockets(empty):
    with empty.client() as client:
        address = opened(client, "tictactoe")
        with follow(empty, address, client) as mine, follow(empty, address) as spectator:
            now = told(mine, its_turn)
            assert now["picture"] in html.unescape(now["html"])
            mine.send(json.dumps({"turn": turn(now["html"]), "choice": "4"}))
            while not now.get("over"):
                now = told(mine, lambda message: message.get("over") or its_turn(message))
                if not now["over"]:
                    choice = re.search(r'data-choice="(\d+)"', now["html"])[1]
                    mine.send(json.dumps({"turn": turn(now["html"]), "choice": choice}))
            last = told(spectator, lambda message: message["over"])
            assert "Replay it" in last["html"]
            assert "data-choice" not in last["html"]
            with pytest.raises(ConnectionClosed):
                spectator.recv(timeout=LIMIT_S)


def test_a_socket_tells_why_an_action_is_refused(empty):
    with empty.client() as client:
        address = opened(client, "market_simulator")
        with follow(empty, address, client) as mine:
            now = turn(told(mine, its_turn)["html"])
            mine.send(json.dumps({"turn": now, "text": "buy 99 grain at 47"}))
            assert "quantity" in told(mine, lambda message: "refused" in message)["refused"]
            mine.send(json.dumps({"turn": now + 5, "choice": 0}))
            assert "not asked for that now" in told(mine, lambda message: "refused" in message)["refused"]


def test_who_only_looks_on_cannot_act_and_who_floods_is_closed(empty):
    with empty.client() as client:
        address = opened(client, "tictactoe")
        asked(client, address)
        for rude in (json.dumps({"turn": 0, "choice": 0}), "no json", "[1]", "{" * 50_000):
            with follow(empty, address) as spectator:
                spectator.recv(timeout=LIMIT_S)
                spectator.send(rude)
                with pytest.raises(ConnectionClosed) as closed:
                    told(spectator, lambda message: False)
                assert closed.value.rcvd.code == 1008
        with follow(empty, address, client) as mine:
            for _ in range(100):
                mine.send(json.dumps({"turn": 99, "choice": 0}))
            with pytest.raises(ConnectionClosed) as closed:
                told(mine, lambda message: False)
        assert closed.value.rcvd.code == 1008


def test_sockets_are_for_those_who_may_look(empty):
    with empty.client() as client:
        address = opened(client, "tictactoe")
        for path, headers, status in (
            (address, {"X-Forwarded-For": "198.51.100.7"}, 401),
            (address, {"X-Forwarded-For": "198.51.100.7", "X-API-Key": empty.key("read")}, 403),
            (address, {"Origin": "https://evil.example"}, 403),
            ("/live/nope", {}, 404),
        ):
            with (
                pytest.raises(InvalidStatus) as refused,
                connect(f"ws://{empty.netloc}{path}/ws", additional_headers=headers),
            ):
                pass
            assert refused.value.response.status_code == status


@pytest.mark.slow
def test_spectators_who_do_not_read_hold_nobody_up(empty):
    with empty.client() as client:
        address = opened(client, "market_simulator", **{"config-ticks": "30"})
        with contextlib.ExitStack() as idle, follow(empty, address, client) as mine:
            for _ in range(20):
                idle.enter_context(follow(empty, address, max_queue=1, close_timeout=0.1))
            now = told(mine, lambda message: message.get("over") or its_turn(message))
            while not now["over"]:
                mine.send(json.dumps({"turn": turn(now["html"]), "choice": 0}))
                now = told(mine, lambda message: message.get("over") or its_turn(message))


# ----------------------------------------------------------------------------------- jobs


def test_jobs_are_shown_with_their_progress_and_cancelled(empty):
    with empty.client("admin") as program, empty.client() as client:
        number = job(program, "count", until=str(empty.folder / "never"))
        until(lambda: "25.0%" in page(client, f"/jobs/{number}"), "its progress")
        assert 'hx-trigger="every 2s"' in page(client, "/jobs")
        assert client.post(f"/jobs/{number}/cancel").headers["location"] == f"/jobs/{number}"
        assert ended(program, number)["state"] == "cancelled"
        shown = page(client, f"/jobs/{number}")
        assert "cancelled" in shown
        assert "Cancel it" not in shown
        failed = job(program, "crash")
        ended(program, failed)
        assert "lost" in text(page(client, f"/jobs/{failed}"))


def test_a_job_that_plays_leads_to_its_run_before_and_after_it_was_cancelled(tmp_path):
    slow = "import time\ndef act(observation):\n    time.sleep(0.02)\n    return observation.legal[0]\n"
    (tmp_path / "slow.py").write_text(slow)
    with Served(tmp_path) as served, served.client("admin") as program, served.client() as client:
        wish = {"games": "tictactoe", "agents": ["slow.py", "random"], "matches": 5000}
        number = job(program, "evaluate", **wish)
        until(lambda: 'href="/runs/1"' in page(client, f"/jobs/{number}"), "the run is begun")
        assert "tictactoe: slow.py, random" in text(page(client, "/jobs"))
        assert "--resume" not in page(client, f"/jobs/{number}")
        client.post(f"/jobs/{number}/cancel")
        assert ended(program, number)["state"] == "cancelled"
        shown = page(client, f"/jobs/{number}")
        assert 'href="/runs/1"' in shown
        assert "evalengine run --resume 1 --db arena.db" in text(shown)


def test_a_key_sees_its_own_jobs_only(empty):
    with empty.client("play", "read") as program:
        number = job(program, "count")
        ended(program, number)
    with entered(empty, "read", "run") as other:
        assert "No job yet" in page(other, "/jobs")
        page(other, f"/jobs/{number}", 404)
        assert other.post(f"/jobs/{number}/cancel").status_code == 404
    with entered(empty, "admin") as admin:
        page(admin, f"/jobs/{number}")


def test_the_vendored_library_is_the_published_one():
    folder = Path(__file__).parent.parent / "src/evalengine/web/pages/static"
    source = (folder / "htmx.min.js").read_text()
    version = re.search(r'version:"([\d.]+)"', source)[1]
    assert f"htmx {version}" in (folder / "htmx.LICENSE.txt").read_text()
