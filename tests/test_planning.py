"""What a person asked for becomes games, agents and a plan."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import AgentError, AgentSpec, ConfigError, GameSpec, UsageError
from evalengine.errors import NothingToPlayError, PluginError, UnknownNameError
from evalengine.planning import (
    Settings,
    choose_agents,
    choose_games,
    find_agent,
    fits,
    make_plan,
    match_name,
    opening_line,
    opening_turns,
    select_games,
    selector,
    split_name,
    split_references,
)
from evalengine.plugins import Plugins

KNOWN = Plugins()
BUNDLED = KNOWN.agents()
SPECS = KNOWN.games()


def refs(text, known=KNOWN):
    return [game.ref for game in choose_games(text, known)]


def tagged(tag):
    return sorted(name for name, spec in SPECS.items() if tag in spec.tags)


# --------------------------------------------------------------------------------------- games


def test_games_are_chosen_by_name_in_alphabetical_order():
    assert refs("tictactoe") == ["tictactoe"]
    assert refs("rps or hex or connect4") == ["connect4", "hex", "rps"]


def test_games_are_chosen_by_tags_and_by_what_follows_from_their_fields():
    assert refs("board") == tagged("board")
    assert refs("board and not hex") == [name for name in tagged("board") if name != "hex"]
    assert refs("simultaneous") == sorted(
        name for name, spec in SPECS.items() if spec.dynamics == "simultaneous" and spec.listed
    )
    assert refs("hidden") == sorted(
        name for name, spec in SPECS.items() if spec.information == "hidden" and spec.listed
    )
    assert refs("not (sequential or simultaneous) or rps") == ["rps"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hex(size=5)", ["hex(size=5)"]),
        ("hex(size=5) or hex", ["hex", "hex(size=5)"]),
        ("hex(size=5) or hex(size=3)", ["hex(size=5)", "hex(size=3)"]),
        ("hex(size=5) and board", ["hex(size=5)"]),
        ("hex(size=5) and not board", None),
        ("hex(size=5) or rps", ["rps", "hex(size=5)"]),
        ("hex(size=11)", ["hex"]),  # the default is not told
        ("hex(size = 5)", ["hex(size=5)"]),
    ],
)
def test_a_configured_game_is_one_of_its_own(text, expected):
    if expected is None:
        with pytest.raises(NothingToPlayError):
            refs(text)
    else:
        assert refs(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hex or hex", ["hex"]),
        ("hex or hex(size=11)", ["hex"]),
        ("hex(size=5) or hex(size = 5) or hex(size=5)", ["hex(size=5)"]),
        ("hex(size=11) or hex() or board and hex", ["hex"]),
    ],
)
def test_a_game_that_is_asked_for_in_two_ways_is_played_once(text, expected):
    assert refs(text) == expected


def test_a_configured_game_is_made_as_configured():
    (game,) = choose_games("hex(size=5)", KNOWN)
    assert game.game.config["size"] == 5
    assert game.config == {"size": 5}
    assert game.spec == SPECS["hex"]
    assert game.seats == 2
    assert game.sides == ((0,), (1,))


MANY = next(spec for spec in SPECS.values() if spec.max_seats > 2)


def test_seats_are_chosen_like_a_parameter():
    (game,) = choose_games(f"{MANY.name}(seats={MANY.max_seats})", KNOWN)
    assert game.seats == MANY.max_seats
    assert game.config == {}
    assert game.ref == f"{MANY.name}(seats={MANY.max_seats})"
    (default,) = choose_games(f"{MANY.name}(seats={MANY.default_seats})", KNOWN)
    assert (default.ref, default.seats) == (MANY.name, MANY.default_seats)


@pytest.mark.parametrize("seats", [0, -1, 99, 2.0, True, "two"])
def test_seats_that_a_game_does_not_have_are_refused(seats):
    with pytest.raises(UsageError, match=f"seats must be from {MANY.min_seats} to {MANY.max_seats}, not {seats!r}"):
        choose_games(f"{MANY.name}(seats={seats!r})", KNOWN)
    with pytest.raises(UsageError, match="seats must be from 2 to 2, not 3"):
        choose_games("tictactoe(seats=3)", KNOWN)


def test_a_team_game_has_sides_of_several_seats():
    (game,) = choose_games("tron(seats=4, teams=True)", KNOWN)
    assert game.sides == ((0, 2), (1, 3))


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("conect4", UnknownNameError, 'no game or tag "conect4". Did you mean "connect4"? See: evalengine games'),
        ("baord", UnknownNameError, 'Did you mean "board"?'),
        ("hexx(size=5)", UnknownNameError, 'no game "hexx". Did you mean "hex"?'),
        ("hex(sice=5)", ConfigError, 'Did you mean "size"?'),
        ("hex(size=0)", ConfigError, "size must be from"),
        ("hex and", UsageError, "is no expression"),
        ("hex and rps", NothingToPlayError, "no game fits 'hex and rps'"),
        ("rps and not zzz", UnknownNameError, '"zzz"'),
        ("./no_such.py", PluginError, "there is no plugin at"),
        ("rps or no/such", PluginError, "there is no plugin at"),
    ],
)
def test_what_cannot_be_chosen_says_why(text, error, says):
    with pytest.raises(error) as told:
        choose_games(text, Plugins())
    assert says in str(told.value)


PLUGIN = """
from evalengine import Game, GameSpec, State, hookimpl

class Word(Game):
    def __init__(self, word="plain", path=""):
        pass

    def initial(self, seats, rng):
        raise NotImplementedError

@hookimpl
def evalengine_games():
    text = {"type": "string", "default": "plain"}
    fields = dict(version="1", doc="", factory=f"{__name__}:Word", max_turns=1, tags=("board",))
    return [
        GameSpec(name="local_word", config={"word": text, "path": text | {"default": ""}}, **fields),
        GameSpec(name="local_other", **fields),
    ]
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """Return (plugins, the path of one that was pointed at)."""
    path = tmp_path_factory.mktemp("local") / "planning_local.py"
    path.write_text(PLUGIN)
    plugins = Plugins()
    plugins.load_path(path)
    return plugins, str(path)


def test_a_path_stands_for_all_games_of_the_plugin_there(local):
    known, path = local
    assert refs(path, known) == ["local_other", "local_word"]
    assert refs(f"{path} and not local_word", known) == ["local_other"]
    assert refs(f"{path} and local_word(word=x)", known) == ["local_word(word=x)"]
    assert refs(f"board and not {path}", known) == tagged("board")
    assert refs(f"rps or {path}", known) == ["local_other", "local_word", "rps"]


@pytest.mark.parametrize(
    "word", ["word", "two words", "8x8", "True", "5", "it's", "", "None", "and", "a/b", "x.py", "ü"]
)
def test_a_games_ref_chooses_it_again(local, word):
    known, _ = local
    (game,) = choose_games(f"local_word(word={word!r})", known)
    assert game.config == {"word": word}
    (again,) = choose_games(game.ref, known)
    assert (again.ref, again.config) == (game.ref, game.config)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(3, 19), name=st.sampled_from(["hex", "tron"]))
def test_the_refs_of_bundled_games_choose_them_again(size, name):
    if not SPECS[name].config["size"]["minimum"] <= size <= SPECS[name].config["size"]["maximum"]:
        size = SPECS[name].config["size"]["minimum"]
    (game,) = choose_games(f"{name}(size={size})", KNOWN)
    (again,) = choose_games(game.ref, KNOWN)
    assert (again.ref, again.game.config, again.seats) == (game.ref, game.game.config, game.seats)


def test_a_game_that_is_not_listed_is_chosen_by_its_name_only():
    assert refs("picks") == ["picks"]
    assert refs("picks or rps") == ["picks", "rps"]
    assert "picks" not in refs("not rps")
    assert [spec.name for spec in select_games("picks", KNOWN)] == ["picks"]


def test_games_are_listed_by_the_same_words():
    assert [spec.name for spec in select_games(None, KNOWN)] == sorted(
        name for name, spec in SPECS.items() if spec.listed
    )
    assert [spec.name for spec in select_games("board and not hex", KNOWN)] == refs("board and not hex")
    with pytest.raises(UnknownNameError):
        select_games("baord", KNOWN)


# -------------------------------------------------------------------------------------- agents


def chosen(*agents, games="tictactoe", **fields):
    found, line = choose_agents(Settings(games=games, agents=agents, **fields), choose_games(games, KNOWN), KNOWN)
    return [agent.name for agent in found], line


def test_bundled_agents_are_found_and_named_after_their_parameters():
    assert find_agent("random", KNOWN, BUNDLED).name == "random"
    assert find_agent("mcts", KNOWN, BUNDLED).name == "mcts-25"
    agent = find_agent("mcts(simulations=50)", KNOWN, BUNDLED)
    assert (agent.name, agent.config) == ("mcts-50", {"simulations": 50})
    assert find_agent("mine=mcts(simulations=50)", KNOWN, BUNDLED).name == "mine"


@pytest.mark.parametrize(
    ("ref", "error", "says"),
    [
        (
            "randon",
            UnknownNameError,
            'no agent "randon". Did you mean "random"? See: evalengine agents, or give a path',
        ),
        ("mcts(simulation=5)", ConfigError, 'Did you mean "simulations"?'),
        ("mcts(simulations=0)", ConfigError, "simulations must be from 1"),
        ("a-vs-b=random", AgentError, "'a-vs-b' is no name for an agent"),
        (f"{'x' * 41}=random", AgentError, "is no name for an agent"),
        ("./no_such.py", AgentError, "there is no file or folder"),
        ("no/such", AgentError, "there is no file or folder"),
        ("cmd:", AgentError, "names no program"),
    ],
)
def test_an_agent_that_cannot_be_used_says_why(ref, error, says):
    with pytest.raises(error) as told:
        find_agent(ref, KNOWN, BUNDLED)
    assert says in str(told.value)


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("a=random", ("a", "random")),
        ("a=b=c", ("a", "b=c")),
        ("mcts(simulations=5)", ("", "mcts(simulations=5)")),
        ("./x=y.py", ("", "./x=y.py")),
        ("cmd:prog --x=1", ("", "cmd:prog --x=1")),
        ("random", ("", "random")),
        ("=random", ("", "=random")),
    ],
)
def test_a_name_stands_before_the_first_equals_sign(ref, expected):
    assert split_name(ref) == expected


def test_a_list_of_references_is_split_outside_brackets():
    assert split_references("a, mcts(simulations=5, x=1),,b ") == ["a", "mcts(simulations=5, x=1)", "b"]
    assert split_references("") == []


def test_one_agent_gets_the_bundled_opponents_that_fit():
    names, line = chosen("first")
    assert names[0] == "first"
    opponents = [name for name, spec in BUNDLED.items() if spec.opponent]
    assert 1 < len(names) - 1 < len(opponents)
    assert "tit-for-tat" not in names
    assert line == f"opponents of first: {', '.join(names[1:])}"
    assert "tit-for-tat" in chosen("first", games="prisoners_dilemma")[0]


def test_without_agents_the_bundled_opponents_play_each_other():
    names, line = chosen()
    assert {"random", "greedy"} <= set(names)
    assert line == ""


def test_two_agents_play_each_other_unless_opponents_are_wished():
    assert chosen("random", "first") == (["random", "first"], "")
    assert chosen("first", opponents="none") == (["first"], "")
    assert chosen("first", opponents="random, mcts(simulations=3)")[0] == ["first", "random", "mcts-3"]
    names, _ = chosen("first", "mine=random", opponents="bundled")
    assert names[:2] == ["first", "mine"]
    assert "random" in names


def test_an_agent_that_is_named_is_not_its_own_opponent():
    names, _ = chosen("random")
    assert names.count("random") == 1


def write_agents(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def act(observation):\n    return observation.legal[0]\n")
    return [str(folder / name) for name in names]


def test_agents_are_named_after_their_file_or_the_folder_that_is_one(tmp_path):
    paths = write_agents(tmp_path, "bob.py", "ann/agent.py", "eve/agent.py", "dan/agent.py")
    assert chosen(*paths[:3], str(tmp_path / "dan"))[0] == ["bob", "ann", "eve", "dan"]


def test_agents_of_one_name_take_their_folders(tmp_path):
    paths = write_agents(tmp_path, "ann/bot.py", "eve/bot.py", "other.py")
    assert chosen(*paths)[0] == ["ann", "eve", "other"]


def test_agents_that_still_clash_are_an_error_that_says_what_to_do(tmp_path):
    paths = write_agents(tmp_path, "a/x/bot.py", "b/x/bot.py")
    with pytest.raises(AgentError, match="two agents are called 'x': name them, as in a=REF b=REF"):
        chosen(*paths)
    assert chosen(f"one={paths[0]}", f"two={paths[1]}")[0] == ["one", "two"]
    with pytest.raises(AgentError, match="two agents are called 'random'"):
        chosen("random", "random")
    with pytest.raises(AgentError, match="two agents are called 'bot'"):
        chosen(f"bot={paths[0]}", "bot=random")


def test_a_name_that_was_given_is_kept(tmp_path):
    paths = write_agents(tmp_path, "one/bot.py", "two/bot.py", "three/other.py")
    assert chosen(f"bot={paths[0]}", paths[1])[0] == ["bot", "two"]
    with pytest.raises(AgentError, match="two agents are called 'bot'"):
        chosen(f"bot={paths[0]}", f"bot={paths[2]}")


def test_functions_are_agents_too():
    mine = AgentSpec(name="mine", payload=b"x")
    found, _ = choose_agents(
        Settings(games="rps", callables=(mine,), opponents="none"), choose_games("rps", KNOWN), KNOWN
    )
    assert found == [mine]


def test_an_agent_fits_by_its_expression():
    (kuhn,) = choose_games("kuhn_poker", KNOWN)
    (nine,) = choose_games("tictactoe", KNOWN)
    assert fits(BUNDLED["kuhn-equilibrium"], kuhn)
    assert not fits(BUNDLED["kuhn-equilibrium"], nine)
    assert fits(BUNDLED["minimax"], nine)
    assert not fits(BUNDLED["minimax"], kuhn)
    assert fits(BUNDLED["random"], kuhn)


# ---------------------------------------------------------------------------------------- plan


def plan_of(games, agents, **fields):
    asked = Settings(games=games, agents=agents, opponents="none", **fields)
    made = choose_games(games, KNOWN)
    found, _ = choose_agents(asked, made, KNOWN)
    return make_plan(asked, made, found)


def test_a_plan_holds_each_game_with_the_agents_that_fit():
    plan = plan_of("kuhn_poker or tictactoe", ("random", "minimax", "kuhn-equilibrium"), seed=5, matches=7)
    assert (plan.seed, plan.matches, plan.rounds) == (5, 7, None)
    first, second = plan.contests
    assert (first.game_no, first.ref, first.agents) == (0, "kuhn_poker", (0, 2))
    assert (second.game_no, second.ref, second.agents) == (1, "tictactoe", (0, 1))
    assert second.sides == ((0,), (1,))
    assert second.opening == SPECS["tictactoe"].opening_turns


def test_a_game_with_too_few_agents_is_left_out_but_keeps_its_number():
    plan = plan_of("kuhn_poker or tictactoe", ("random", "minimax"))
    assert [(contest.game_no, contest.ref) for contest in plan.contests] == [(1, "tictactoe")]


def test_when_no_game_has_enough_agents_there_is_nothing_to_play():
    with pytest.raises(NothingToPlayError) as told:
        plan_of("tictactoe", ("random",))
    assert str(told.value) == ("nothing to play: tictactoe needs 2 agents, 1 fit. Add agents, or --opponents bundled")
    with pytest.raises(NothingToPlayError, match=r"tron\(seats=3\) needs 3 agents, 2 fit"):
        plan_of("tron(seats=3)", ("random", "first"))
    assert plan_of("tron(seats=4, teams=True)", ("random", "first")).contests[0].sides == ((0, 2), (1, 3))


def a_spec(**fields):
    return GameSpec(name="x", version="1", doc="", factory="", max_turns=9, **fields)


@pytest.mark.parametrize(
    ("text", "turns"), [("", 4), ("none", 0), ("random:0", 0), ("random:1", 1), ("random:999", 999)]
)
def test_openings_are_the_games_own_none_or_so_many_turns(text, turns):
    assert opening_turns(text, a_spec(opening_turns=4)) == turns


@pytest.mark.parametrize(
    "text", ["random", "random:", "random:-1", "random:1.5", "random:1000", "4", "None", "none ", "random:1\n"]
)
def test_another_opening_is_a_usage_error(text):
    with pytest.raises(UsageError, match="write none or random:K"):
        opening_turns(text, a_spec())


def test_the_header_says_how_matches_open():
    (contest,) = plan_of("tictactoe", ("random", "first")).contests

    def line(*turns):
        return opening_line(dataclasses.replace(contest, opening=number) for number in turns)

    assert line(0, 0) == ""
    assert line(1) == "openings: 1 random turn"
    assert line(4, 4) == "openings: 4 random turns"
    assert line(0, 4, 2) == "openings: 0 to 4 random turns"


# --------------------------------------------------------------------------------- match names


def test_a_match_has_a_name_that_people_can_type():
    assert match_name("hex(size=5)", ["mcts-25", "random"], 17) == "hex(size=5)::mcts-25-vs-random[17]"


NAMES = ["hex(size=5)::mcts-25-vs-random[17]", "rps::first-vs-random[18]", "rps::first-vs-Mine[3]"]


@pytest.mark.parametrize(
    ("text", "deselect", "expected"),
    [
        ("rps", (), [1, 2]),
        ("RPS and mine", (), [2]),
        ("not rps", (), [0]),
        ("[17]", (), [0]),
        ("random and not first", (), [0]),
        (NAMES[0], (), [0]),
        (f"{NAMES[0]} or {NAMES[2]}", (), [0, 2]),
        ("hex(size=5)", (), [0]),
        ("", ("rps::",), [0]),
        ("", (NAMES[1], NAMES[2]), [0]),
        ("rps", ("rps::first-vs-random",), [2]),
        ("nothing", (), []),
    ],
)
def test_matches_are_selected_by_parts_of_their_names(text, deselect, expected):
    selected = selector(text, deselect)
    assert [number for number, name in enumerate(NAMES) if selected(name)] == expected


def test_without_a_selection_there_is_none():
    assert selector("", ()) is None
    with pytest.raises(UsageError, match="is no expression"):
        selector("rps and", ())


def test_a_named_agent_that_can_play_no_game_is_refused():
    settings = Settings(games="kuhn_poker", agents=("minimax", "random"))
    with pytest.raises(AgentError, match=r"minimax-2.*none of kuhn_poker"):
        choose_agents(settings, choose_games("kuhn_poker", Plugins()), Plugins())


def test_a_bundled_opponent_whose_name_is_taken_is_named(tmp_path):
    (tmp_path / "mcts-25.py").write_text("def act(observation): return 0\n")
    settings = Settings(games="hex", agents=(str(tmp_path / "mcts-25.py"),))
    agents, note = choose_agents(settings, choose_games("hex", Plugins()), Plugins())
    assert [agent.name for agent in agents] == ["mcts-25", "random", "greedy", "minimax-2"]
    assert note.endswith("not the bundled mcts-25, whose name is taken")
