"""Which sandbox contains: the choice, the refusals, and what a person is told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_containment import PROBES, level_or_skip

import evalengine
from evalengine import Sandbox, SandboxError, UsageError, sandboxes
from evalengine.plugins import Plugins
from evalengine.sandboxes import Probe

BOT = "def act(observation): return observation.legal[0]\n"
# Denies what a default container's filter denies: unshare, mount, setns, pivot_root and clone with new namespaces.
CONTAINERLIKE = Path(__file__).parent / "corpus" / "containerlike.py"


class Weak(Sandbox):
    module = "evalengine_host.landlocked"
    strength = 1

    def remedy(self, failure):
        return "Do this"


class Broken(Weak):
    module = "evalengine_host.missing"
    strength = 30


class Registry:
    """Sandboxes by name, as Plugins lists them."""

    def __init__(self, **classes):
        for name, made in classes.items():
            setattr(sys.modules[__name__], f"_{name}", made)
        self._specs = {name: evalengine.PluginSpec(name=name, factory=f"{__name__}:_{name}") for name in classes}

    def listed(self, kind):
        assert kind == "sandboxes"
        return self._specs


def test_the_bundled_sandboxes_are_listed_strongest_first_and_none_contains_nothing():
    plugs = Plugins()
    assert [sandbox.name for sandbox in sandboxes.listed(plugs)] == ["namespaces", "landlock"]
    assert sandboxes.containment("none", plugs, ()) is None
    assert sandboxes.containment("namespaces", plugs, ("/x",)).folders == ("/x",)


def test_auto_takes_the_strongest_that_works_and_says_what_is_missing():
    level_or_skip("landlock")
    chosen = sandboxes.choose("auto", Registry(broken=Broken, weak=Weak))
    assert chosen.name == "weak"
    assert chosen.line.startswith("not broken: ")
    assert chosen.line.endswith(". Do this")


def test_nothing_that_works_is_a_refusal_with_the_remedy_of_each():
    with pytest.raises(SandboxError, match=r"cannot be contained here\. broken: .*\. Do this .*--sandbox none"):
        sandboxes.choose("auto", Registry(broken=Broken))
    with pytest.raises(SandboxError, match=r"^--sandbox broken: .*\. Do this$"):
        sandboxes.choose("broken", Registry(broken=Broken, weak=Weak))


def test_other_systems_are_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    probe = sandboxes.tried(Weak())
    assert isinstance(probe, Probe)
    assert not probe.works
    assert "contained agents need Linux" in probe.told
    assert "virtual machine" in probe.remedy


def test_an_unknown_sandbox_is_told_with_a_near_one():
    with pytest.raises(UsageError, match='Did you mean "landlock"'):
        sandboxes.choose("landlok", Plugins())


# ------------------------------------------------------------------------------ the command line


def evalengine_run(folder, *arguments, prefix=(), code=0):
    """Run the command in a folder of its own that every user can enter."""
    folder.chmod(0o755)
    (folder / "bot.py").write_text(BOT)
    done = subprocess.run(
        [sys.executable, *prefix, "-m", "evalengine", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == code, done.stderr
    return done


RUN = ("run", "bot.py", "first", "--games", "tictactoe", "-n", "2")


@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_the_level_is_in_the_header_and_stored_with_the_kernel(tmp_path, level):
    level_or_skip(level)
    done = evalengine_run(tmp_path, *RUN, "--sandbox", level)
    assert f"sandbox: {level}, seed" in done.stderr
    rows = evalengine_rows(tmp_path, "select sandbox, versions from run")
    assert rows[0][0] == level
    assert json.loads(rows[0][1])["kernel"] == os.uname().release


def evalengine_rows(folder, sql):
    import sqlite3

    db = sqlite3.connect(folder / ".evalengine" / "arena.db")
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def test_with_trusted_agents_nothing_is_tried(tmp_path):
    done = evalengine_run(
        tmp_path, "run", "random", "first", "--games", "tictactoe", "-n", "2", "--sandbox", "landlock"
    )
    assert "sandbox: none, seed" in done.stderr


def test_a_sandbox_that_cannot_be_set_up_is_refused_before_the_database_is_made(tmp_path):
    done = evalengine_run(tmp_path, *RUN, "--sandbox", "jail", code=4)
    assert 'error: no sandbox "jail"' in done.stderr
    assert not (tmp_path / ".evalengine").exists()


def test_none_is_what_a_person_types_and_the_header_says_so(tmp_path):
    done = evalengine_run(tmp_path, *RUN, "--sandbox", "none")
    assert "agents from outside are not contained" in done.stderr


def test_where_a_container_forbids_namespaces_auto_takes_landlock_and_says_why(tmp_path):
    level_or_skip("landlock")
    done = evalengine_run(tmp_path, *RUN, prefix=[str(CONTAINERLIKE)])
    assert "sandbox: landlock, seed" in done.stderr
    assert "sandbox: not namespaces: " in done.stderr
    assert "Operation not permitted" in done.stderr


def test_doctor_tries_both_levels(tmp_path):
    found = {item["what"]: item for item in json.loads(evalengine_run(tmp_path, "doctor", "--format", "json").stdout)}
    for name, probe in PROBES.items():
        assert ("works" in found[f"sandbox {name}"]["told"].split(":")[0]) is True
        assert ("does not work" in found[f"sandbox {name}"]["told"]) is not probe.works
