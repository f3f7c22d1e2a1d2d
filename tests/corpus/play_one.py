"""Play one match of a hostile agent against a rival, and say who won: what corpus.py runs for each agent.

    python play_one.py {agent} {rival} {result} {procs} [option of evalengine run ...]

`{result}` becomes {"winner": 0 or 1, "reason": ...}; a tie counts as the rival's. What the agents printed goes to
stdout, as `evalengine show` prints it.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = [sys.executable, "-m", "evalengine"]


def main(agent, rival, result, procs, *options):
    folder = Path(tempfile.mkdtemp(prefix="play-one-"))
    folder.chmod(0o755)  # agents of another user are played from below
    try:
        Path(result).write_text(json.dumps(play(folder, agent, rival, procs, options)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def play(folder, agent, rival, procs, options):
    db = str(folder / "arena.db")
    agents = [f"hostile={agent}/agent.py", f"rival={rival}/agent.py"]
    chosen = ["--games", "picks", "-n", "1", "--db", db, "-o", f"procs={procs}", "--format", "json", *options]
    subprocess.run([*COMMAND, "run", *agents, *chosen], stdout=subprocess.PIPE, check=True)
    shown = subprocess.run(
        [*COMMAND, "show", "1/0", "--db", db, "--format", "json"], stdout=subprocess.PIPE, check=True
    )
    match = json.loads(shown.stdout)
    for log in match["logs"]:
        print(f"--- {log['stream']} of seat {log['seat']}\n{log['text']}")
    for fault in match["faults"]:
        print(f"--- {fault['kind']}: {fault['detail']}\n{fault['traceback']}")
    places = {seat["agent"]: seat["place"] for seat in match["seats"]}
    kinds = {seat["agent"]: seat["fault"] for seat in match["seats"] if seat["fault"]}
    reason = ", ".join(f"{name}: {kind}" for name, kind in kinds.items()) or "score"
    if match["termination"] == "void":
        reason = "void"
    return {"winner": int(places["hostile"] >= places["rival"]), "reason": reason}


if __name__ == "__main__":
    main(*sys.argv[1:])
