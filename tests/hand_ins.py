"""A course's hand-ins: programs of every kind, every tenth broken in another way; all are meant for `picks`.

As a script it writes some and prints their references, one a line:

    python tests/hand_ins.py FOLDER [COUNT]
"""

import shutil
import sys
import zipfile
from pathlib import Path

GOOD = "def act(observation):\n    return {}\n"
PICKS = ["max(observation.legal)", "min(observation.legal)", "observation.legal[0]", "sorted(observation.legal)[2]"]
NAMES = [
    "ann lee",
    "müller",
    "-dash",
    "tab\tname",
    "esc\x1b[31m",
    "bob's",
    "a;b",
    "日本",
    "x" * 60,
    "new\nline",
    "$(id)",
]
SHELL = """#!/bin/sh
while read -r word rest; do
  case $word in
    legal) set -- $rest; pick=$1;;
    go) echo "$pick";;
    end) exit 0;;
  esac
done
"""
NODE = """require("readline").createInterface({input: process.stdin}).on("line", line => {
  const told = JSON.parse(line);
  if (told.type === "act") console.log(JSON.stringify(told.legal[0]));
  if (told.type === "end") process.exit(0);
});
"""
LINES = """import json, sys
for line in sys.stdin:
    told = json.loads(line)
    if told["type"] == "act":
        print(told["legal"][0], flush=True)
"""
# What is wrong, the source, and the kind of fault that it must end in.
BROKEN = {
    "syntax": ("def act(observation)\n    return 1\n", "crash"),
    "import": ("import no_such_module\n" + GOOD.format("1"), "crash"),
    "no_entry": ("x = 1\n", "crash"),
    "empty": ("", "crash"),
    "start": ("raise RuntimeError('no data')\n" + GOOD.format("1"), "crash"),
    "turn": ("def act(observation):\n    return observation.legal[0] if observation.turn < 3 else 1 / 0\n", "crash"),
    "loop": ("def act(observation):\n    while True:\n        pass\n", "timeout"),
    "hog": ("def act(observation):\n    return bytearray(4 << 30)\n", "memory"),
    "prints": ("def act(observation):\n    print(observation.legal[0])\n", "illegal"),
    "illegal": (GOOD.format("1000"), "illegal"),
    "nan": (GOOD.format("float('nan')"), "illegal"),
    "huge": (GOOD.format("'x' * (10 << 20)"), "protocol"),
    "exit": ("import sys\ndef act(observation):\n    sys.exit(0)\n", "crash"),
    "os_exit": ("import os\ndef act(observation):\n    os._exit(3)\n", "crash"),
    "fork": ("import os\ndef act(observation):\n    while True:\n        os.fork()\n", "processes"),
    "input": ("def act(observation):\n    return int(input('your move? '))\n", "crash"),
    "log": ("def act(observation):\n    print('x' * (5 << 20))\n    raise ValueError('y' * 100_000)\n", "crash"),
    "terminal": ("def act(observation):\n    raise ValueError('\\x1b[2J\\x1b]0;owned\\x07')\n", "crash"),
    "nul": (GOOD.format("1\0"), "crash"),
    "bomb": ({"agent.py": GOOD.format("1"), "zeros": "\0" * (64 << 20)}, "crash"),
    "slip": ({"agent.py": GOOD.format("1"), "../../evil.py": "x"}, "crash"),
    "no_main": ({"bot/strategy.py": GOOD.format("1")}, "crash"),
}


def written(path, text, mode=0o644):
    """Write a file, its folders too, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def spread(folder, files):
    """Write files into a folder and return it."""
    for name, text in files.items():
        written(folder / name, text)
    return folder


def packed(path, files):
    """Write a zip and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def broken(folder, number):
    """Write the `number`-th broken hand-in; return its name, its reference and the fault that it must end in."""
    name, (source, fault) = list(BROKEN.items())[number % len(BROKEN)]
    path = folder / f"b{number}" / f"{name}{number}"
    made = (
        packed(path.with_suffix(".zip"), source)
        if isinstance(source, dict)
        else written(path.with_suffix(".py"), source)
    )
    return path.name, str(made), fault


def sound(folder, number):
    """Return the reference of the `number`-th hand-in that plays, written."""
    source, base = GOOD.format(PICKS[number % len(PICKS)]), folder / f"s{number}"
    files = {"agent.py": "from strategy.pick import act\n", "strategy/__init__.py": "", "strategy/pick.py": source}
    kinds = [
        lambda: written(base / f"file{number}.py", source),
        lambda: f"n{number}={written(base / f'{NAMES[number % len(NAMES)]}.py', source)}",
        lambda: spread(base / f"folder{number}", files),
        lambda: packed(base / f"zip{number}.zip", files),
        lambda: packed(base / f"nested{number}.zip", {f"top/{name}": text for name, text in files.items()}),
        lambda: f"plain:{written(base / f'sh{number}', SHELL, 0o755)}",
        lambda: f"cmd:python3 {written(base / f'lines{number}.py', LINES)}",
        lambda: (
            f"cmd:node {written(base / f'node{number}.js', NODE)}"
            if shutil.which("node")
            else written(base / f"none{number}.py", source)
        ),
    ]
    return str(kinds[number % len(kinds)]())


def write(folder, count):
    """Return the references of `count` hand-ins, written below `folder`, and by name the faults of the broken ones."""
    refs, faults = [], {}
    for number in range(count):
        if number % 10 == 9:
            name, ref, faults[name] = broken(folder, number // 10)
            refs.append(ref)
        else:
            refs.append(sound(folder, number))
    return refs, faults


if __name__ == "__main__":
    for reference in write(Path(sys.argv[1]), int((*sys.argv, 200)[2]))[0]:
        sys.stdout.write(f"{reference}\n")
