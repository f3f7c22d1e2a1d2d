"""evalconf.py: the local plugin file of the command line."""

import os
from textwrap import dedent

import pytest
from commandline import process

CONF = dedent(
    """
    from evalengine import GameSpec, Game, State, hookimpl

    class Coin(Game):
        def initial(self, seats, rng):
            return Side()

    class Side(State):
        taken = None

        def to_move(self):
            return [0] if self.taken is None else []

        def view(self, seat):
            return self.taken

        def legal(self, seat):
            return [0, 1]

        def apply(self, actions, rng):
            self.taken = actions[0]
            return self

        def clone(self):
            copy = Side()
            copy.taken = self.taken
            return copy

        def scores(self):
            return (1.0, -1.0) if self.taken else (-1.0, 1.0)

    @hookimpl
    def evalengine_games():
        return [GameSpec(name="coin", version="1", doc="Take 1.", factory="evalconf:Coin", max_turns=1)]

    @hookimpl
    def evalengine_run_done(run):
        print(f"evalconf heard of {run['matches']} matches")
    """
)
PLAY = ("run", "random", "greedy", "--games", "coin", "-n", "10", "--workers", "2")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "evalconf.py").write_text(CONF)
    below = tmp_path / "course" / "week1"
    below.mkdir(parents=True)
    return below


def test_it_is_found_upwards_its_hooks_are_heard_and_its_games_played_by_workers(folder):
    done = process(*PLAY, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "evalconf heard of 10 matches" in done.stdout + done.stderr
    assert f"trusted code from: {folder.parent.parent}/evalconf.py" in done.stderr
    assert "evalconf" in next(line for line in done.stderr.splitlines() if line.startswith("plugins: "))


def test_it_is_listed_behind_the_installed_plugins(folder):
    lines = process("plugins", cwd=folder).stdout.splitlines()
    names = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert names.index("evalconf") == names.index("registered") - 1
    assert "games, run_done" in next(line for line in lines if line.startswith("evalconf"))


def test_it_is_left_out_when_asked(folder):
    done = process(*PLAY, "-p", "no:evalconf", cwd=folder)
    assert done.returncode == 4
    assert 'no game or tag "coin"' in done.stderr


def test_rootdir_says_where_it_is_looked_for(folder):
    (folder.parent.parent / "evalconf.py").rename(folder / "evalconf.py")
    assert process(*PLAY, cwd=folder.parent).returncode == 4
    assert process(*PLAY, "--rootdir", "week1", cwd=folder.parent).returncode == 0


def test_what_lies_beside_it_does_not_stand_in_for_the_standard_library(folder):
    (folder.parent.parent / "json.py").write_text("raise ValueError('not the real one')")
    assert process(*PLAY, cwd=folder).returncode == 0


BROKEN = {
    "import": ("x = 1\nimport no_such_module\n", ":2: ModuleNotFoundError: No module named 'no_such_module'"),
    "syntax": ("x = 1\ndef\n", ":2: SyntaxError: invalid syntax"),
    "deeper": ("def f():\n    raise ValueError('deep')\nf()\n", ":2: ValueError: deep"),
    "exit": ("import sys\n\nsys.exit(3)\n", ":3: SystemExit: 3"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_its_errors_are_one_line_with_file_and_line(folder, kind):
    source, told = BROKEN[kind]
    path = folder / "evalconf.py"
    path.write_text(source)
    done = process("games", cwd=folder)
    assert done.returncode == 4
    assert done.stderr == f"error: {path}{told}. Repair it, or leave it out with '-p no:evalconf'\n"


def test_a_hook_that_fails_is_named_with_its_line(folder):
    (folder / "evalconf.py").write_text(
        "from evalengine import hookimpl\n\n@hookimpl\ndef evalengine_games():\n    return [1 / 0]\n"
    )
    done = process("games", cwd=folder)
    assert done.returncode == 4
    assert f"({folder}/evalconf.py:5): ZeroDivisionError: division by zero" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_not_run(folder):
    os.chown(folder.parent.parent / "evalconf.py", 12345, 12345)
    done = process("games", cwd=folder)
    assert done.returncode == 0
    assert "warning: plugin 'evalconf' was left out" in done.stderr
    assert "belongs to another user" in done.stderr
    assert "coin" not in done.stdout
